"""Band arithmetic that strangers may write: parsed against a whitelist, evaluated with numpy, never executed."""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.raster.errors import InvalidExpressionError

MAX_LENGTH = 500
"""Most characters of an expression, all its outputs together."""
MAX_OUTPUTS = 4
"""Most outputs, which semicolons separate."""
MAX_NODES = 200
"""Most operators, names, numbers and calls of one output."""
MAX_EXPONENT = 8
"""Largest exponent; exponents are plain numbers."""
MAX_CONSTANT = 1e12
"""Largest number."""

Values = Mapping[str, NDArray[Any]]

_WORDS = ("and", "or", "not")
_TWO_OPERANDS = re.compile(r"([\w.]+|\)) +(?=(\w+|[(.]))")

_BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: np.logical_and,
    ast.BitOr: np.logical_or,
    ast.BitXor: np.logical_xor,
    ast.And: np.logical_and,
    ast.Or: np.logical_or,
}
_UNARY: dict[type[ast.AST], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: np.logical_not,
    ast.Not: np.logical_not,
}
_COMPARE: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "where": (3, np.where),
    "minimum": (2, np.minimum),
    "maximum": (2, np.maximum),
    "clip": (3, np.clip),
    "abs": (1, np.abs),
    "sqrt": (1, np.sqrt),
    "exp": (1, np.exp),
    "log": (1, np.log),
    "log10": (1, np.log10),
    "floor": (1, np.floor),
    "ceil": (1, np.ceil),
    "sin": (1, np.sin),
    "cos": (1, np.cos),
    "arctan2": (2, np.arctan2),
}
"""Functions and how many arguments each takes."""


@dataclass(frozen=True)
class Expression:
    """A parsed expression; its bands are still names."""

    text: str
    """What the caller wrote."""
    outputs: tuple[tuple[str, ast.expr], ...]
    """Text and tree of each output."""
    names: tuple[str, ...]
    """Band names, each once, in the order of their first use."""

    def evaluate(self, values: Values) -> NDArray[np.float32]:
        """Return the outputs as `(output, y, x)`, or `(output,)` for single numbers.

        Args:
            values: the array of each name, all of one shape; computed in float32. What has no value (0/0) is NaN.
        """
        floats = {name: array.astype(np.float32, copy=False) for name, array in values.items()}
        shape = next(iter(floats.values())).shape
        with np.errstate(all="ignore"):
            results = [np.broadcast_to(_evaluate(tree, floats), shape) for _, tree in self.outputs]
            return np.stack(results).astype(np.float32)


@lru_cache(maxsize=512)  # each of the tiles of a map asks for the same one
def parse_expression(text: str) -> Expression:
    """Parse `(nir-red)/(nir+red)`, or several outputs separated by semicolons.

    A `+` may have become a space: that is what a query string makes of one that nobody encoded.

    Raises:
        InvalidExpressionError: it is too long, not arithmetic of bands, or uses what is not on the list.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidExpressionError(f"The expression has {len(text)} characters; at most {MAX_LENGTH} are evaluated.")
    parts = [_restore_plus(part.strip()) for part in text.split(";") if part.strip()]
    outputs = tuple((part, _parse(part)) for part in parts)
    if not 1 <= len(outputs) <= MAX_OUTPUTS:
        raise InvalidExpressionError(
            f"An expression has 1 to {MAX_OUTPUTS} outputs separated by ';', not {len(outputs)}."
        )
    names = tuple(dict.fromkeys(name for _, tree in outputs for name in _names(tree)))
    if not names:
        raise InvalidExpressionError(f"The expression {text!r} names no band.")
    expression = Expression(text, outputs, names)
    _try(expression)
    return expression


def _restore_plus(text: str) -> str:
    """Put a `+` between operands that have only space between them, which no valid expression has."""

    def restored(match: re.Match[str]) -> str:
        left, right = match.groups()
        called = left in FUNCTIONS and right == "("
        return match[0] if called or left in _WORDS or right in _WORDS else f"{left}+"

    return _TWO_OPERANDS.sub(restored, text)


def _parse(text: str) -> ast.expr:
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise InvalidExpressionError(f"{text!r} is no expression, such as (nir-red)/(nir+red).") from error
    nodes = list(ast.walk(tree))
    if len(nodes) > MAX_NODES * 2:  # an operator and a name's context are nodes of their own
        raise InvalidExpressionError(f"The expression has too many parts; at most {MAX_NODES} are evaluated.")
    for node in nodes:
        _check(node)
    return tree


def _check(node: ast.AST) -> None:
    match node:
        case ast.Constant(value=bool() | int() | float() as value) if abs(value) <= MAX_CONSTANT:
            return
        case ast.BinOp(op=ast.Pow(), right=right):
            _check_exponent(right)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            if len(args) != FUNCTIONS[name][0]:
                raise InvalidExpressionError(f"{name}() takes {FUNCTIONS[name][0]} arguments, not {len(args)}.")
        case ast.Name() | ast.Load() | ast.BinOp() | ast.UnaryOp() | ast.BoolOp() | ast.Compare():
            return
        case _ if type(node) in _BINARY or type(node) in _UNARY or type(node) in _COMPARE:
            return
        case _:
            what = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
            allowed = ", ".join(sorted(FUNCTIONS))
            raise InvalidExpressionError(
                f"{what[:60]!r} is not allowed in an expression: use bands, numbers, + - * / % **, comparisons, "
                f"& | ~ and the functions {allowed}."
            )


def _check_exponent(node: ast.expr) -> None:
    inner = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node
    value = inner.value if isinstance(inner, ast.Constant) else None
    if not isinstance(value, int | float) or abs(value) > MAX_EXPONENT:
        raise InvalidExpressionError(
            f"An exponent is a number of at most {MAX_EXPONENT}, not {ast.unparse(node)[:60]!r}."
        )


def _names(tree: ast.expr) -> list[str]:
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]


def _try(expression: Expression) -> None:
    """Evaluate once on single numbers: what cannot be combined (~red) is refused before anything is read."""
    try:
        expression.evaluate({name: np.ones((1, 1), np.float32) for name in expression.names})
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidExpressionError(f"{expression.text!r} cannot be evaluated: {error}.") from error


def _evaluate(node: ast.AST, values: Values) -> Any:
    result: Any
    match node:
        case ast.Name(id=name):
            result = values[name]
        case ast.Constant(value=bool() | int() | float() as value):
            result = value if isinstance(value, bool) else np.float32(value)
        case ast.UnaryOp(op=op, operand=operand):
            result = _UNARY[type(op)](_evaluate(operand, values))
        case ast.BinOp(left=left, op=op, right=right):
            result = _BINARY[type(op)](_evaluate(left, values), _evaluate(right, values))
        case ast.BoolOp(op=op, values=parts):
            result = _fold(_BINARY[type(op)], [_evaluate(part, values) for part in parts])
        case ast.Compare(left=left, ops=ops, comparators=others):
            result = _compare([_evaluate(part, values) for part in (left, *others)], ops)
        case ast.Call(func=ast.Name(id=name), args=args):
            result = FUNCTIONS[name][1](*(_evaluate(part, values) for part in args))
        case _:
            raise TypeError(f"unexpected {type(node).__name__}")
    return result


def _compare(values: list[Any], ops: list[ast.cmpop]) -> Any:
    pairs = zip(values[:-1], ops, values[1:], strict=True)
    return _fold(np.logical_and, [_COMPARE[type(op)](left, right) for left, op, right in pairs])


def _fold(combine: Callable[[Any, Any], Any], values: list[Any]) -> Any:
    result = values[0]
    for value in values[1:]:
        result = combine(result, value)
    return result
