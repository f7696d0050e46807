"""Calculator: what a sum comes to."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable

from headrace.component import Component, ComponentError, MessageTextInput, Output
from headrace.schema import Data

Number = int | float

#: A power whose result would have more digits than this is refused: it could take for ever.
MOST_BITS = 4096
MOST_LETTERS = 1000

_TWO: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_ONE: dict[type[ast.unaryop], Callable[[Number], Number]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


class CalculatorComponent(Component):
    """Reckons with numbers, brackets and + - * / // % **. Nothing else is understood, and nothing is run."""

    display_name = "Calculator"
    description = "Evaluates an arithmetic expression."
    icon = "calculator"
    blocking = False
    inputs = [
        MessageTextInput(
            name="expression",
            display_name="Expression",
            tool_mode=True,
            info="What to reckon, such as 4*4*(33/22)+12-20.",
        )
    ]
    outputs = [Output(name="result", display_name="Data", method="evaluate_expression")]

    def evaluate_expression(self) -> Data:
        """Return the result as text, at most six digits behind the point.

        Raises:
            ComponentError: the expression is none, divides by zero or grows too large.

        """
        result = reckon(str(self.expression))
        text = f"{result:.6f}".rstrip("0").rstrip(".") if isinstance(result, float) else str(result)
        self.status = text
        return Data(data={"result": text})


def reckon(expression: str) -> Number:
    """Return what an arithmetic expression comes to."""
    if len(expression) > MOST_LETTERS:
        raise ComponentError(f"An expression has {MOST_LETTERS} letters at most.")
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ComponentError(f"{expression!r} is no arithmetic expression.") from error
    except ZeroDivisionError as error:
        raise ComponentError(f"{expression!r} divides by zero.") from error
    except OverflowError as error:
        raise ComponentError(f"The result of {expression!r} is too large.") from error


def _value(node: ast.expr) -> Number:
    if isinstance(node, ast.Constant) and type(node.value) in {int, float}:
        return node.value  # type: ignore[return-value]
    if isinstance(node, ast.UnaryOp) and type(node.op) in _ONE:
        return _ONE[type(node.op)](_value(node.operand))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return _power(_value(node.left), _value(node.right))
    if isinstance(node, ast.BinOp) and type(node.op) in _TWO:
        return _bounded(_TWO[type(node.op)](_value(node.left), _value(node.right)))
    raise ValueError(ast.dump(node))


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * max(exponent, 0) > MOST_BITS:
        raise OverflowError
    result: Number | complex = base**exponent
    if isinstance(result, complex):
        raise ValueError("not a real number")  # noqa: TRY004 - told as a bad expression
    return result


def _bounded(number: Number) -> Number:
    if isinstance(number, int) and number.bit_length() > MOST_BITS:
        raise OverflowError
    return number
