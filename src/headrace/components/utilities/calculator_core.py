"""Calculator: evaluates an arithmetic expression."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable

from headrace.component import Component, ComponentError, MessageTextInput, Output
from headrace.schema import Data

Number = int | float

#: Maximum size of an integer, since the time of a computation grows with it.
MAX_BITS = 4096
MAX_EXPRESSION_CHARACTERS = 1000

_BINARY: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[Number], Number]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


class CalculatorComponent(Component):
    """Evaluate an expression of numbers, parentheses and `+ - * / // % **`, without running it as Python code."""

    display_name = "Calculator"
    description = "Evaluates an arithmetic expression."
    icon = "calculator"
    blocking = False
    inputs = [
        MessageTextInput(
            name="expression",
            display_name="Expression",
            tool_mode=True,
            info="Arithmetic expression to evaluate, such as 4*4*(33/22)+12-20.",
        )
    ]
    outputs = [Output(name="result", display_name="Data", method="evaluate_expression")]

    def evaluate_expression(self) -> Data:
        """Return the result as text with at most six decimal places.

        Raises:
            ComponentError: the expression is not valid, divides by zero, or its result is too large.

        """
        result = evaluate(str(self.expression))
        text = f"{result:.6f}".rstrip("0").rstrip(".") if isinstance(result, float) else str(result)
        self.status = text
        return Data(data={"result": text})


def evaluate(expression: str) -> Number:
    """Return the value of an arithmetic expression.

    Raises:
        ComponentError: the expression is not valid, divides by zero, or its result is too large.

    """
    if len(expression) > MAX_EXPRESSION_CHARACTERS:
        raise ComponentError(
            f"The expression is longer than {MAX_EXPRESSION_CHARACTERS} characters. Split it into parts."
        )
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ComponentError(
            f"{expression!r} is not a valid arithmetic expression. Use numbers, parentheses and + - * / // % **."
        ) from error
    except ZeroDivisionError as error:
        raise ComponentError(f"{expression!r} divides by zero.") from error
    except OverflowError as error:
        raise ComponentError(f"The result of {expression!r} is too large.") from error


def _value(node: ast.expr) -> Number:
    if isinstance(node, ast.Constant) and type(node.value) in {int, float}:
        return node.value  # type: ignore[return-value]
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        return _UNARY[type(node.op)](_value(node.operand))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return _power(_value(node.left), _value(node.right))
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _bounded(_BINARY[type(node.op)](_value(node.left), _value(node.right)))
    raise ValueError(ast.dump(node))


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * max(exponent, 0) > MAX_BITS:
        raise OverflowError
    result: Number | complex = base**exponent
    if isinstance(result, complex):
        raise ValueError("not a real number")  # noqa: TRY004 - `evaluate` reports it as an invalid expression
    return result


def _bounded(number: Number) -> Number:
    if isinstance(number, int) and number.bit_length() > MAX_BITS:
        raise OverflowError
    return number
