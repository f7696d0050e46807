"""Smart Transform: records changed as a sentence says, by code that a model writes."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

import orjson

from headrace.component import Component, DataInput, HandleInput, IntInput, MultilineInput, Output
from headrace.component.component import PythonFailedError
from headrace.models.provider import ModelError
from headrace.schema import Data
from headrace.schema.records import is_table, records_of

if TYPE_CHECKING:
    from headrace.schema.dataframe import DataFrame

#: The model may mend its code so many times.
REPAIRS = 2

ASK = """Write one Python lambda that takes `data` and returns what is asked for. Use only Python's builtins, and nothing that
reads files or reaches the network. Answer with the lambda alone, on one line.

What is asked for: {instruction}

The form of `data`: {form}
{sample_name} of `data`: {sample}"""


class LambdaFilterComponent(Component):
    """Has a model write a function for what a sentence says, and applies it in the owner's own process."""

    name = "Smart Transform"
    display_name = "Smart Transform"
    description = "Changes or filters records as a sentence says."
    icon = "square-function"
    inputs = [
        DataInput(
            name="data",
            display_name="Data",
            input_types=["Data", "DataFrame"],
            is_list=True,
            required=True,
            info="The records or tables.",
        ),
        HandleInput(
            name="llm",
            display_name="Language Model",
            input_types=["LanguageModel"],
            required=True,
            info="Who writes the function.",
        ),
        MultilineInput(
            name="filter_instruction",
            display_name="Instructions",
            value="Filter the data to...",
            required=True,
            info="What is to be done with the records.",
        ),
        IntInput(
            name="sample_size",
            display_name="Sample Size",
            value=1000,
            advanced=True,
            info="Of larger data, the model sees so many characters.",
        ),
        IntInput(
            name="max_size",
            display_name="Max Size",
            value=30000,
            advanced=True,
            info="The model sees all of data of fewer characters.",
        ),
    ]
    outputs = [
        Output(name="data_output", display_name="Output", method="process_as_data"),
        Output(name="dataframe_output", display_name="Output", method="process_as_dataframe"),
    ]

    _made: tuple[Any] | None = None

    async def process_as_data(self) -> Data:
        """Return the outcome as a record; several under `_results`, anything else under `_results` too."""
        made = await self._outcome()
        return Data(data=made if isinstance(made, dict) else {"_results": made})

    async def process_as_dataframe(self) -> DataFrame:
        """Return the outcome as a table."""
        from headrace.schema.table import dataframe

        made = await self._outcome()
        rows = made if isinstance(made, list) else [made]
        return dataframe([row if isinstance(row, dict) else {"value": row} for row in rows])

    async def _outcome(self) -> Any:
        if self._made is None:
            self._made = (await self._transformed(self._given()),)
        return self._made[0]

    def _given(self) -> Any:
        given = self.data if isinstance(self.data, list) else [self.data]
        if len(given) == 1 and not is_table(given[0]):
            return records_of(given[0])[0]
        return [record for one in given for record in records_of(one)]

    async def _transformed(self, data: Any) -> Any:
        """Return what the model's function makes of data; what went wrong with one, the model reads and mends.

        Raises:
            ModelError: none of its functions works.

        """
        from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

        conversation: list[BaseMessage] = [HumanMessage(self._question(data))]
        problems: list[str] = []
        for _ in range(1 + REPAIRS):
            answer = str((await self.llm.ainvoke(conversation)).text)
            try:
                function = lambda_in(answer)
                outcome = await self.context.run_python("", names={"data": data}, expression=f"({function})(data)")
            except (PythonFailedError, ValueError) as error:
                problems.append(str(error))
                conversation += [
                    AIMessage(answer),
                    HumanMessage(f"That does not work: {problems[-1]}. Give it again, mended."),
                ]
            else:
                self.log(function, "Filter")
                return outcome.value
        raise ModelError(f"The model wrote no function that works. Its tries: {'; '.join(problems)}.")

    def _question(self, data: Any) -> str:
        text = orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        whole = len(text) <= int(self.max_size or 0)
        half = max(int(self.sample_size or 0), 2) // 2
        return ASK.format(
            instruction=str(self.filter_instruction),
            form=orjson.dumps(form_of(data)).decode(),
            sample_name="All" if whole else "The beginning and the end",
            sample=text if whole else f"{text[:half]} ... {text[-half:]}",
        )


_FENCE = re.compile(r"```(?:python)?\s*\n(.*?)```", re.DOTALL)


def lambda_in(answer: str) -> str:
    """Return the one lambda in a model's answer, as Python reads it.

    Raises:
        ValueError: there is none.

    """
    fenced = _FENCE.search(answer)
    text = fenced[1] if fenced else answer
    begin = text.find("lambda")
    if begin < 0:
        raise ValueError("there is no lambda in it")
    lines = text[begin:].strip().strip("`").splitlines()
    # What follows the function is left out, line by line: models like to explain.
    for end in range(len(lines), 0, -1):
        try:
            tree = ast.parse(" ".join(lines[:end]).rstrip(" `;"), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        if isinstance(tree.body, ast.Lambda):
            return ast.unparse(tree)
    raise ValueError("the lambda is no Python")


def form_of(data: Any, depth: int = 0) -> Any:
    """Return the form of data: names and kinds, of lists the first item's."""
    if depth > 5:
        return "..."
    if isinstance(data, dict):
        return {str(k): form_of(v, depth + 1) for k, v in data.items()}
    if isinstance(data, list):
        return [form_of(data[0], depth + 1), f"{len(data)} items"] if data else []
    return type(data).__name__
