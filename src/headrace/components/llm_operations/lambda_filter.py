"""Smart Transform: transforms data with a function that a model writes from instructions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from headrace.component import Component, DataInput, HandleInput, IntInput, MultilineInput, Output
from headrace.component.component import PythonExecutionError
from headrace.models.provider import ModelError
from headrace.parsing.errors import InvalidInputError
from headrace.parsing.parser import utf8
from headrace.schema import Data
from headrace.schema.records import is_table, records_of

if TYPE_CHECKING:
    from headrace.schema.dataframe import DataFrame

#: Maximum number of times that the model can correct its function.
MAX_REPAIRS = 2

#: Maximum depth of nested data in the structure that the model sees.
MAX_SHAPE_DEPTH = 5

PROMPT = """Write one Python lambda that takes `data` and returns the result of the instructions. Use only Python's builtins. Do
not read files or access the network. Answer with the lambda only, on one line.

Instructions: {instruction}

Structure of `data`: {structure}
{sample_name} of `data`: {sample}"""


class LambdaFilterComponent(Component):
    """Let a model write a function from instructions and apply it in the owner's isolated process."""

    name = "Smart Transform"
    display_name = "Smart Transform"
    description = "Transforms or filters data according to instructions in plain language."
    icon = "square-function"
    inputs = [
        DataInput(
            name="data",
            display_name="Data",
            input_types=["Data", "DataFrame"],
            is_list=True,
            required=True,
            info="Data or tables to transform.",
        ),
        HandleInput(
            name="llm",
            display_name="Language Model",
            input_types=["LanguageModel"],
            required=True,
            info="Model that writes the function.",
        ),
        MultilineInput(
            name="filter_instruction",
            display_name="Instructions",
            value="Filter the data to...",
            required=True,
            info="How to transform or filter the data, in plain language.",
        ),
        IntInput(
            name="sample_size",
            display_name="Sample Size",
            value=1000,
            advanced=True,
            info="Number of characters of the data to show to the model if the data exceeds Max Size.",
        ),
        IntInput(
            name="max_size",
            display_name="Max Size",
            value=30000,
            advanced=True,
            info="Maximum size of data that the model sees completely, in characters.",
        ),
    ]
    outputs = [
        Output(name="data_output", display_name="Output", method="process_as_data"),
        Output(name="dataframe_output", display_name="Output", method="process_as_dataframe"),
    ]

    #: The result in a tuple, since the result itself can be None.
    _result: tuple[Any] | None = None

    async def process_as_data(self) -> Data:
        """Return the result as `Data`; any value that is not a dictionary under `_results`."""
        result = await self._transform()
        return Data(data=result if isinstance(result, dict) else {"_results": result})

    async def process_as_dataframe(self) -> DataFrame:
        """Return the result as a table."""
        from headrace.schema.table import dataframe

        result = await self._transform()
        rows = result if isinstance(result, list) else [result]
        return dataframe([row if isinstance(row, dict) else {"value": row} for row in rows])

    async def _transform(self) -> Any:
        if self._result is None:
            self._result = (await self._apply_function(self._input_records()),)
        return self._result[0]

    def _input_records(self) -> Any:
        """Return the record of a single `Data`, or a list of all records."""
        values = self.data if isinstance(self.data, list) else [self.data]
        if len(values) == 1 and not is_table(values[0]):
            return records_of(values[0])[0]
        return records_of(values)

    async def _apply_function(self, data: Any) -> Any:
        """Apply a function from the model to data. The model gets the error of a failed function to correct it.

        Raises:
            ModelError: all functions of the model failed.

        """
        from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

        conversation: list[BaseMessage] = [HumanMessage(self._question(data))]
        problems: list[str] = []
        for _ in range(1 + MAX_REPAIRS):
            answer = str((await self.llm.ainvoke(conversation)).text)
            try:
                function = (await self.context.parser.call("extract_lambda", utf8(answer))).value
                result = await self.context.run_python("", names={"data": data}, expression=f"({function})(data)")
            except (PythonExecutionError, InvalidInputError) as error:
                problems.append(error.message)
                conversation += [
                    AIMessage(answer),
                    HumanMessage(f"The lambda failed: {problems[-1]}. Answer with a corrected lambda."),
                ]
            else:
                self.log(function, "Filter")
                return result.value
        raise ModelError(
            f"The model did not write a working function. Errors: {'; '.join(problems)}. "
            "Make the instructions more specific or use another model."
        )

    def _question(self, data: Any) -> str:
        text = orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        is_complete = len(text) <= int(self.max_size or 0)
        half = max(int(self.sample_size or 0), 2) // 2
        return PROMPT.format(
            instruction=str(self.filter_instruction),
            structure=orjson.dumps(describe_shape(data)).decode(),
            sample_name="Complete content" if is_complete else "Beginning and end",
            sample=text if is_complete else f"{text[:half]} ... {text[-half:]}",
        )


def describe_shape(data: Any, depth: int = 0) -> Any:
    """Return the structure of data: its keys with the types of their values, and the first item of each list."""
    if depth > MAX_SHAPE_DEPTH:
        return "..."
    if isinstance(data, dict):
        return {str(k): describe_shape(v, depth + 1) for k, v in data.items()}
    if isinstance(data, list):
        return [describe_shape(data[0], depth + 1), f"{len(data)} items"] if data else []
    return type(data).__name__
