"""Python Interpreter: runs Python code from a field or a model, isolated from the server."""

from __future__ import annotations

import re

from headrace.component import Component, MultilineInput, Output, StrInput
from headrace.component.component import ComponentError, PythonExecutionError
from headrace.schema import Data

_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class PythonREPLComponent(Component):
    """Run Python code in the owner's isolated process and return its output."""

    display_name = "Python Interpreter"
    description = "Runs Python code and returns what it prints."
    icon = "square-terminal"
    inputs = [
        StrInput(
            name="global_imports",
            display_name="Global Imports",
            value="math,pandas",
            required=True,
            info="Modules to import for the code, separated by commas.",
        ),
        MultilineInput(
            name="python_code",
            display_name="Python Code",
            value="print('Hello, World!')",
            required=True,
            tool_mode=True,
            info="Python code to run. Its printed output is the result.",
        ),
    ]
    outputs = [Output(name="results", display_name="Results", method="run_python_repl")]

    async def run_python_repl(self) -> Data:
        """Return the printed output as `result`, or the reason of a failure as `error`.

        Raises:
            ComponentError: an import is not a valid module name, or the flow's owner may not run code.

        """
        imports = [name.strip() for name in str(self.global_imports).split(",") if name.strip()]
        for name in imports:
            if not _MODULE.fullmatch(name):
                raise ComponentError(
                    f"{name!r} is not a valid module name. Separate modules with commas under Global Imports."
                )
        try:
            outcome = await self.context.run_python(str(self.python_code), names={}, imports=imports)
        except PythonExecutionError as error:
            self.status = error.message
            return Data(data={"error": error.message})
        self.status = outcome.stdout
        return Data(data={"result": outcome.stdout})
