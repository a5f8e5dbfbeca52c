"""The language of computed fields: fields, texts, numbers, `& + - * /`, comparisons, `and or not`, a few functions.

It cannot loop, call anything but the functions of this package or read anything but the entity.
"""

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, DecimalException

from connector.mapping_rules.functions import (
    EXACT,
    FUNCTIONS,
    NoValue,
    Value,
    is_blank,
    number,
    same,
    sane,
    short,
    text,
    truth,
)
from connector.mapping_rules.paths import BadPath, Path, path_at

LONGEST = 2000
MOST_WORDS = 300
DEEPEST = 40
_WORDS = frozenset({"and", "or", "not", "true", "false", "none"})
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[0-9]{1,15}(?:\.[0-9]{1,10})?)(?![A-Za-z0-9_.])
        |(?P<text>"(?:[^"\\]|\\["\\n])*"|'(?:[^'\\]|\\['\\n])*')
        |(?P<name>[a-z_][a-z0-9_]*)
        |(?P<sign><=|>=|!=|[-+*/&=<>(),]))""",
    re.VERBOSE,
)

Fields = Callable[[Path], Value]
"""Gives the value of a field of the entity at hand."""
Node = Callable[[Fields], Value]


class BadExpression(ValueError):
    """Text that is no expression; says where and what fits."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression and the fields that it reads."""

    source: str
    reads: tuple[Path, ...]
    node: Node

    def value(self, fields: Fields) -> Value:
        """Its value for one entity. Raises `NoValue`."""
        return self.node(fields)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # number, text, path, word, call, sign, end
    text: str
    at: int
    path: Path | None = None


def parse(source: str) -> Expression:
    """Raises `BadExpression`."""
    if len(source) > LONGEST:
        raise BadExpression(f"it is longer than {LONGEST} characters")
    tokens = _tokens(source)
    if len(tokens) > MOST_WORDS:
        raise BadExpression(f"it has more than {MOST_WORDS} words and signs")
    parser = _Parser(source, tokens)
    node = parser.whole()
    return Expression(source, tuple(token.path for token in tokens if token.path is not None), node)


def _tokens(source: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while source[at:].strip():
        match = _TOKEN.match(source, at)
        if match is None:
            start = len(source) - len(source[at:].lstrip())
            raise BadExpression(f"{source[start : start + 10]!r} at character {start + 1} means nothing here")
        kind = match.lastgroup or ""
        start, at = match.start(kind), match.end()
        if kind != "name":
            found.append(_Token(kind, match[kind], start))
        elif match["name"] in _WORDS:
            found.append(_Token("word", match["name"], start))
        elif source[at:].lstrip().startswith("("):
            found.append(_Token("call", match["name"], start))
        else:
            try:
                path, at = path_at(source, start)
            except BadPath as error:
                raise BadExpression(str(error)) from error
            found.append(_Token("path", str(path), start, path))
    return [*found, _Token("end", "", len(source))]


class _Parser:
    """By descent, from the weakest operator to the strongest."""

    def __init__(self, source: str, tokens: Sequence[_Token]) -> None:
        self._source = source
        self._tokens = tokens
        self._next = 0
        self._deep = 0

    def whole(self) -> Node:
        """The expression and nothing after it."""
        node = self._any()
        if self._peek.kind != "end":
            raise self._wrong("an operator or the end")
        return node

    @property
    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, *texts: str) -> str | None:
        token = self._peek
        if token.kind in {"sign", "word"} and token.text in texts:
            self._next += 1
            return token.text
        return None

    def _need(self, sign: str) -> None:
        if self._take(sign) is None:
            raise self._wrong(repr(sign))

    def _wrong(self, wanted: str) -> BadExpression:
        token = self._peek
        shown = "it ends" if token.kind == "end" else f"{token.text[:20]!r} stands at character {token.at + 1}"
        return BadExpression(f"{shown} where {wanted} is wanted")

    def _any(self) -> Node:
        self._deep += 1
        if self._deep > DEEPEST:
            raise BadExpression(f"it is nested more than {DEEPEST} deep")
        node = self._all()
        while self._take("or"):
            node = _or(node, self._all())
        self._deep -= 1
        return node

    def _all(self) -> Node:
        node = self._not()
        while self._take("and"):
            node = _and(node, self._not())
        return node

    def _not(self) -> Node:
        turns = 0
        while self._take("not"):
            turns += 1
        node = self._comparison()
        return _not(node, negative=bool(turns % 2)) if turns else node

    def _comparison(self) -> Node:
        node = self._joined()
        if (sign := self._take("=", "!=", "<", "<=", ">", ">=")) is not None:
            return _compared(sign, node, self._joined())
        return node

    def _joined(self) -> Node:
        node = self._sum()
        while self._take("&"):
            node = _joined(node, self._sum())
        return node

    def _sum(self) -> Node:
        node = self._product()
        while (sign := self._take("+", "-")) is not None:
            node = _reckoned(sign, node, self._product())
        return node

    def _product(self) -> Node:
        node = self._signed()
        while (sign := self._take("*", "/")) is not None:
            node = _reckoned(sign, node, self._signed())
        return node

    def _signed(self) -> Node:
        if self._take("-"):
            return _reckoned("-", _constant(Decimal(0)), self._one())
        return self._one()

    def _one(self) -> Node:
        token = self._peek
        if token.kind == "number":
            self._next += 1
            return _constant(Decimal(token.text))
        if token.kind == "text":
            self._next += 1
            return _constant(_unquoted(token.text))
        if token.path is not None:
            self._next += 1
            return _field(token.path)
        if token.kind == "call":
            return self._call()
        if (word := self._take("true", "false", "none")) is not None:
            return _constant({"true": True, "false": False, "none": None}[word])
        if self._take("("):
            node = self._any()
            self._need(")")
            return node
        raise self._wrong("a field, a text, a number or a function")

    def _call(self) -> Node:
        name = self._peek.text
        known = FUNCTIONS.get(name)
        if known is None:
            near = difflib.get_close_matches(name, FUNCTIONS, n=2)
            hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(FUNCTIONS))}"
            raise BadExpression(f"there is no function {name}(); {hint}")
        self._next += 1
        self._need("(")
        values: list[Node] = []
        while not (self._peek.kind == "sign" and self._peek.text == ")"):
            if values:
                self._need(",")
            values.append(self._any())
        self._need(")")
        if not known.least <= len(values) <= known.most:
            raise BadExpression(f"{name} is written {known.usage}, not with {len(values)} values")
        return _if(*values) if name == "if" else _called(known.work, values)


def _unquoted(quoted: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], quoted[1:-1])


def _constant(value: Value) -> Node:
    return lambda _fields: value


def _field(path: Path) -> Node:
    return lambda fields: fields(path)


def _or(one: Node, other: Node) -> Node:
    return lambda fields: truth(one(fields)) or truth(other(fields))


def _and(one: Node, other: Node) -> Node:
    return lambda fields: truth(one(fields)) and truth(other(fields))


def _not(node: Node, *, negative: bool) -> Node:
    return lambda fields: truth(node(fields)) is not negative


def _if(condition: Node, value: Node, otherwise: Node) -> Node:
    return lambda fields: value(fields) if truth(condition(fields)) else otherwise(fields)


def _called(work: Callable[..., Value], values: Sequence[Node]) -> Node:
    return lambda fields: work(*(value(fields) for value in values))


def _joined(one: Node, other: Node) -> Node:
    return lambda fields: short(text(one(fields)) + text(other(fields)))


def _compared(sign: str, one: Node, other: Node) -> Node:
    def work(fields: Fields) -> Value:
        left, right = one(fields), other(fields)
        if sign in {"=", "!="}:
            return same(left, right) is (sign == "=")
        if is_blank(left) or is_blank(right):
            return False
        low, high = number(left) or Decimal(0), number(right) or Decimal(0)
        return {"<": low < high, "<=": low <= high, ">": low > high, ">=": low >= high}[sign]

    return work


def _reckoned(sign: str, one: Node, other: Node) -> Node:
    def work(fields: Fields) -> Value:
        left, right = number(one(fields)), number(other(fields))
        if left is None or right is None:
            return None  # nothing is known of the sum where a part is blank
        try:
            match sign:
                case "+":
                    return sane(EXACT.add(left, right))
                case "-":
                    return sane(EXACT.subtract(left, right))
                case "*":
                    return sane(EXACT.multiply(left, right))
                case _:
                    return sane(EXACT.divide(left, right))
        except DecimalException as error:
            raise NoValue("a number is divided by 0" if sign == "/" else "the number grows too large") from error

    return work
