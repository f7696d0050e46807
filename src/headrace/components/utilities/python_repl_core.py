"""Python Interpreter: code in a field, or from a model, run apart from the server."""

from __future__ import annotations

import re

from headrace.component import Component, MultilineInput, Output, StrInput
from headrace.component.component import ComponentError, PythonFailedError
from headrace.schema import Data

_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class PythonREPLComponent(Component):
    """Runs Python in its owner's own process and gives what it prints."""

    display_name = "Python Interpreter"
    description = "Runs Python code and gives what it prints."
    icon = "square-terminal"
    inputs = [
        StrInput(
            name="global_imports",
            display_name="Global Imports",
            value="math,pandas",
            required=True,
            info="Modules that the code finds, with commas between.",
        ),
        MultilineInput(
            name="python_code",
            display_name="Python Code",
            value="print('Hello, World!')",
            required=True,
            tool_mode=True,
            info="The code. What it prints is the result.",
        ),
    ]
    outputs = [Output(name="results", display_name="Results", method="run_python_repl")]

    async def run_python_repl(self) -> Data:
        """Return what the code prints as `result`, or under `error` why it failed.

        Raises:
            ComponentError: an import is no module's name, or the flow's owner may run no code.

        """
        imports = [name.strip() for name in str(self.global_imports).split(",") if name.strip()]
        for name in imports:
            if not _MODULE.fullmatch(name):
                raise ComponentError(f"{name!r} is no module's name.")
        try:
            outcome = await self.context.run_python(str(self.python_code), names={}, imports=imports)
        except PythonFailedError as error:
            self.status = error.message
            return Data(data={"error": error.message})
        self.status = outcome.printed
        return Data(data={"result": outcome.printed})
