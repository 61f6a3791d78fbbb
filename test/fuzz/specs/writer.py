"""Puts a random spec together, and a call of it."""

import math
import random
import re
from dataclasses import dataclass, field
from typing import Iterable, Optional

from rules import (
    ADDITIONS, BATCHES, BENDS, CONDITIONS, COST, EDITS, FEW, FUNCTIONS, HEADS, JUNCTIONS,
    KEYS, LENGTHS, OUTPUTS, PRODUCTS, QUERIES, Rule, SCALARS, SHAPES, STATISTICS, TENSORS,
    VALUES, WEIGHTS,
)

TOKEN = re.compile(r"\{(?P<name>\w+)\}|(?P<kind>\w+)<(?P<over>\w)>\(")


@dataclass(frozen=True)
class Term:
    """A formula, and the dimensions that its value depends on."""

    text: str
    dims: frozenset[str] = frozenset()

    def read(self, at: str, without: str, gained: Iterable[str]) -> "Term":
        return Term(f"{self.text}[{at}]", self.dims - {without} | set(gained))


@dataclass
class Spec:
    """A spec and a call of it."""

    text: str
    sizes: dict[str, int]
    settings: dict[str, object]
    dtype: str
    threads: Optional[int]

    def arguments(self, target: Optional[str], seed: int) -> list[str]:
        """The options of `attnc run`, after the name of the file."""

        def listed(values: dict[str, object]) -> str:
            return ",".join(f"{name}={value}" for name, value in values.items())

        options = ["--size", listed(self.sizes), "--check", "--dtype", self.dtype]
        if self.settings:
            options += ["--set", listed(self.settings)]
        if target:
            options += ["--target", target]
        elif self.threads:
            options += ["--threads", str(self.threads)]
        return options + ["--seed", str(seed)]


@dataclass
class Writer:
    """Writes one spec: chooses dimensions and sizes, then a score, a mask,
    weights made of the score, and outputs made of the weights."""

    rng: random.Random
    params: dict[str, str] = field(default_factory=dict)
    tensors: dict[str, Term] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    scalars: dict[str, object] = field(default_factory=dict)
    steps: dict[str, str] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    traits: set[str] = field(default_factory=lambda: {"soft", "unmixed", "nomask", "nowhere"})
    mask: Optional[Term] = None
    where: Optional[Term] = None  # a condition of the reductions, beside the mask

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def pick(self, *choices):
        return self.rng.choice(choices)

    # -- Terms --------------------------------------------------------------

    def tensor(self, name: str, dims: Iterable[str], element: str = "") -> Term:
        """A parameter; one of this name that is there already is taken."""
        if name not in self.tensors:
            dims = list(dims)
            if dims and not element and self.chance(0.04):
                element = self.pick("f32", "f16", "bf16")
            self.params[name] = f"{element}[{', '.join(dims)}]" if dims else element or "float"
            self.tensors[name] = Term(name, frozenset(dims))
            if not dims:
                self.scalars[name] = 9 if element else 0.05
        return self.tensors[name]

    def scalar(self, name: str) -> Term:
        """A run-time argument; one time in four it is its default."""
        if name not in self.params:
            element, values = SCALARS[name]
            value = self.rng.choice(values)
            if element != "bool" and not self.chance(0.25):
                self.scalars[name] = value
                self.params[name] = element
            else:
                self.params[name] = f"{element} = {value}"
        return Term(name)

    def table(self, last: str) -> Term:
        """Entries for each distance along the axis, read at it; the extent of
        the table is what that needs."""
        name, dim = f"rel{last}_{self.i}{self.j}".lower(), f"Z{len(self.tensors)}"
        if name in self.tensors:
            return self.tensors[name]
        reach = self.pick(0, 0, 4, 8)
        j, i = self.j.lower(), self.i.lower()
        at = f"{j} - {i} + {self.i} - 1"
        if reach:
            at = self.pick(f"min(max({j} - {i}, -{reach}), {reach}) + {reach}",
                           f"min(abs({j} - {i}), {2 * reach})")
        distances = max(self.sizes[self.i] + self.sizes[self.j] - 1, 1)
        self.sizes[dim] = 2 * reach + 1 if reach else distances
        heads = self.batch[-1:]
        dims = [dim, last] if last else self.pick([dim] + heads, heads + [dim])
        entries = self.tensor(name, dims)
        self.tensors[name] = entries.read(f"{dim.lower()}: {at}", dim, (self.i, self.j))
        return self.tensors[name]

    def allowed(self) -> Term:
        """A table of blocks."""
        self.sizes["I"] = max(-(-self.sizes[self.i] // 16), 1) + self.pick(0, 0, 1)
        self.sizes["J"] = max(-(-self.sizes[self.j] // 16), 1)
        heads = self.batch[-1:] if self.chance(0.5) else []
        table = self.tensor(f"allowed_{self.i}{self.j}".lower(), heads + ["I", "J"], "bool")
        at = f"i: {self.i.lower()} // 16, j: {self.j.lower()} // 16"
        return Term(f"{table.text}[{at}]", table.dims - {"I", "J"} | {self.i, self.j})

    def named(self, name: str) -> Term:
        """What `{name}` is in a template."""
        indices = {"i": self.i, "j": self.j}
        if self.batch:
            indices["h"] = self.batch[-1]
        if len(self.rows) > 1:
            indices |= zip("yxuw", self.rows[-2:] + self.keys[-2:])
        if name in indices:
            return Term(indices[name].lower(), frozenset([indices[name]]))
        if name in ("I", "J"):
            return Term(indices[name.lower()])
        if name in ("places", "sum"):
            dims = self.rows + self.keys if name == "sum" else self.batch + self.rows + self.keys
            return Term((" + " if name == "sum" else ", ").join(dims).lower(), frozenset(dims))
        if name in ("q", "k", "v"):
            return getattr(self, name)
        if name in ("fq", "fk"):
            return self.one(QUERIES if name == "fq" else KEYS)
        if name in ("qc", "kc"):
            self.sizes.setdefault("C", self.pick(1, 4, 8, 16, 24))
            dims = (self.batch, self.rows) if name == "qc" else (self.shared, self.keys)
            return self.tensor(name, self.layout(*dims, "C"))
        if name == "u":
            return self.tensor("rowvalue", self.layout(self.batch, self.rows, "E"))
        if name.startswith("table"):
            return self.table(name[5:])
        if name == "allowed":
            return self.allowed()
        if name in SCALARS:
            return self.scalar(name)
        elements, dims = TENSORS[name]
        wanted = {"i": [self.i], "j": [self.j], "h": self.batch[-1:],
                  "?": [dim for dim in self.batch if self.chance(0.5)]}
        for dim in set(dims.split()) & {"G", "O"}:
            self.sizes.setdefault(dim, self.pick(1, 3, 8))
        if len(self.keys) > 1 and set(dims.split()) & {"i", "j"}:
            name += f"_{self.j}".lower()
        layout = [dim for code in dims.split() for dim in wanted.get(code, [code])]
        return self.tensor(name, layout, self.rng.choice(elements.split()) if elements else "")

    def reduce(self, kind: str, over: frozenset[str], operand: Term) -> Term:
        """A reduction, with the `where` that a mask or a condition asks for. The
        condition may be left out where nothing is relative to a maximum."""
        condition = self.where
        free = "strict" not in self.traits
        if condition and (not condition.dims & over or free and self.chance(0.2)):
            condition = None
        available = operand.dims | (condition.dims if condition else frozenset())
        masked = self.mask is not None and bool(self.mask.dims & over)
        suffix = f" where {condition.text}" if condition else ""
        if masked and self.mask.dims - over - available:
            if condition:
                suffix = f" where mask and ({condition.text})"
            elif over <= operand.dims and free and self.chance(0.5):
                suffix, masked = " where all", False
            else:
                suffix = " where mask"
        if masked:
            available |= self.mask.dims
        indices = ", ".join(sorted(dim.lower() for dim in over))
        result = available if kind in ("softmax", "l1") else available - over
        return Term(f"{kind}[{indices}]({operand.text}{suffix})", result)

    def group(self, letter: str) -> frozenset[str]:
        groups = {"K": self.keys, "R": self.rows, "A": self.rows + self.keys, "L": self.keys[-1:],
                  "J": [self.j], "H": self.batch[-1:]}
        return frozenset(groups.get(letter, [letter]))

    def fill(self, template: str, given: dict[str, Term]) -> Term:
        """The term of a template without steps."""
        text, dims, at = "", frozenset(), 0
        while token := TOKEN.search(template, at):
            text += template[at:token.start()]
            at = token.end()
            if name := token["name"]:
                part = given[name] if name in given else self.named(name)
            else:
                start, depth = at, 1
                while depth:
                    depth += {"(": 1, ")": -1}.get(template[at], 0)
                    at += 1
                operand = self.fill(template[start:at - 1], given)
                part = self.reduce(token["kind"], self.group(token["over"]), operand)
            text += part.text
            dims |= part.dims
        if template.startswith("attend("):
            dims -= {"N"}
        return Term(text + template[at:], dims)

    def choose(self, table: list[Rule]) -> str:
        """The template of a rule whose needs are met, about some axis."""
        at = 0 if self.shape == "pages" else self.rng.randrange(len(self.keys))
        self.i, self.j = self.rows[min(at, len(self.rows) - 1)], self.keys[at]
        traits = self.traits | ({"fits"} if self.sizes[self.i] <= self.sizes[self.j] else set())
        fitting = [rule for rule in table if rule.needs - {"strict"} <= traits]
        rule = self.rng.choices(fitting, [rule.weight for rule in fitting])[0]
        self.traits |= rule.needs & {"strict"}
        return rule.template

    def expand(self, template: str, given: dict[str, Term]) -> Term:
        *steps, last = template.split("; ")
        for step in steps:
            name, value = step.split(" := ")
            given = {**given, name: self.step(name, self.fill(value, given))}
        return self.fill(last, given)

    def one(self, table: list[Rule], **given: Term) -> Term:
        """A term by one of the rules of a table."""
        return self.expand(self.choose(table), given)

    def step(self, name: str, term: Term, named: float = 0.75) -> Term:
        """The term under a name, or as it is."""
        if len(term.text) < 120 and not self.chance(named):
            return Term(f"({term.text})", term.dims)
        while name in self.steps:
            name += "2"
        self.steps[name] = term.text
        return Term(name, term.dims)

    # -- Dimensions and operands --------------------------------------------

    def count(self, dims: Iterable[str]) -> int:
        return math.prod(self.sizes[dim] for dim in dims)

    def layout(self, batch: list[str], line: list[str], last: str) -> list[str]:
        """Dimensions in an order of memory; heads may stand behind positions."""
        at = self.rng.randint(0, len(batch)) if self.chance(0.3) else len(batch)
        return batch[:at] + line + batch[at:] + [last]

    def choose_sizes(self) -> None:
        self.shape = self.pick(*["line"] * 10, "plane", "plane", "third", "space", "pages")
        self.rows, self.keys, lengths = SHAPES[self.shape]
        self.batch, self.shared = map(list, self.rng.choice(BATCHES))
        for dim in self.batch:
            self.sizes[dim] = self.rng.randint(1, 3)
        if "G" in self.shared and "H" in self.batch:
            self.sizes["G"] = self.rng.randint(1, 2)
            self.sizes["H"] = 2 * self.sizes["G"]
        for dim in self.rows + self.keys:
            self.sizes[dim] = self.rng.choice(lengths)
        if self.shape == "pages":
            self.sizes |= {"L": 16, "N": self.rng.choice(LENGTHS)}
        # Some masks and reads need as many keys as queries.
        for row, key in zip(self.rows, self.keys):
            if self.sizes[row] > self.sizes[key] and self.shape != "pages" and self.chance(0.5):
                self.sizes[row], self.sizes[key] = self.sizes[key], self.sizes[row]
        self.sizes["D"] = self.rng.choice(HEADS)
        self.sizes["E"] = self.sizes["D"] if self.chance(0.5) else self.rng.choice(HEADS)
        if self.shape == "line" and self.chance(0.2):
            self.sizes["M"] = self.sizes["N"]
        self.limit_cost()
        if self.chance(0.04):
            self.sizes[self.rng.choice(self.rows + self.keys[:1] + self.batch)] = 0

    def limit_cost(self) -> None:
        """Makes dimensions smaller, one after the other."""
        heads = [dim for dim in self.batch if dim != "H" or "G" not in self.shared]
        for dim in heads + ["E", "D"] + self.rows[-1:]:
            pairs = self.count(self.batch + self.rows + self.keys)
            if pairs * (self.sizes["D"] + self.sizes["E"]) > COST:
                self.sizes[dim] = 1 if dim in heads else min(self.sizes[dim], 32)

    def choose_traits(self) -> None:
        """What rules may rely on."""
        rows, keys = self.count(self.batch + self.rows), self.count(self.batch + self.keys)
        least = min(rows, keys)
        has = {
            self.shape: True, "one": self.shape != "third", "several": len(self.keys) > 1,
            "plane": len(self.rows) > 1, "plain": self.k.text == "k" and self.v.text == "v",
            "square": self.shape == "line" and self.sizes["M"] == self.sizes["N"],
            "many": least >= FEW, "wide": least * self.sizes["E"] >= FEW,
            "few": least * self.sizes["E"] < FEW, "headed": bool(self.batch),
            "heads": self.batch[-1:] == ["H"] and "G" not in self.shared,
        }
        self.traits |= {trait for trait, holds in has.items() if holds}

    def choose_operands(self) -> None:
        self.q = self.tensor("q", self.layout(self.batch, self.rows, "D"))
        if self.chance(0.06):  # made of another tensor
            self.sizes["C"] = self.pick(1, 4, 8, 16)
            source = self.tensor("source", self.batch[:-1] + self.rows + ["C"])
            weights = self.tensor("to_q", self.batch[-1:] + ["C", "D"])
            made = f"sum[c]({source.text} * {weights.text}) * rsqrt(C)"
            self.q = self.step("q_made", Term(made, (source.dims | weights.dims) - {"C"}))
        parts = {"third": {"1": ["N"], "2": ["P"]}, "pages": {"": ["N"]}}
        suffixes = parts.get(self.shape, {"": self.keys})
        self.k, self.v = (self.operand(name, last, suffixes) for name, last in ("kD", "vE"))

    def operand(self, name: str, last: str, parts: dict[str, list[str]]) -> Term:
        """Keys or values as a query head meets them."""
        terms = []
        for suffix, keys in parts.items():
            dims = self.layout(self.shared, keys, last)
            if last == "D" and len(keys) == 1 and self.chance(0.05):
                dims = self.shared + [last] + keys
            whole = self.chance(0.04)
            term = self.tensor(name + suffix, dims, "int8" if whole else "")
            if self.shape == "pages":
                pages = self.tensor("pages", self.shared[:1] + ["F"], "int")
                term = term.read("n: pages * 16 + l", "N", pages.dims | {"L"})
            if "G" in self.shared and "H" in self.batch:
                term = term.read("g: h // 2", "G", "H")
            terms.append(Term(f"(float({term.text}) * 2 - 1)", term.dims) if whole else term)
        dims = frozenset().union(*(term.dims for term in terms))
        return Term(" * ".join(term.text for term in terms), dims)

    # -- The whole ----------------------------------------------------------

    def condition(self, depth: int) -> Term:
        if depth == 0:
            term = self.one(CONDITIONS)
            return Term(f"({term.text})", term.dims)
        return self.one(JUNCTIONS, a=self.condition(depth - 1),
                        b=self.condition(self.rng.randrange(depth)), c=self.condition(0))

    def choose_mask(self) -> None:
        """A mask, a condition of each reduction, both, or neither."""
        if self.chance(0.65):
            term = self.condition(self.pick(0, 0, 0, 1, 1, 2))
            self.steps["mask"] = term.text
            self.mask = Term("mask", term.dims)
            self.traits.discard("nomask")
        if self.chance(0.2):
            self.where = self.step("seen", self.condition(self.pick(0, 0, 1)))
            self.traits -= {"nomask", "nowhere"}

    def score(self) -> Term:
        scale = self.pick("{s} * rsqrt(D)", "{s} / sqrt(D)", "{s} * D ** -0.5")
        term = self.step("raw", self.fill(scale, {"s": self.one(PRODUCTS)}), named=0.4)
        for _ in range(self.pick(0, 0, 1, 1, 2)):
            term = self.step("sum_of_terms", self.one(ADDITIONS, s=term), named=0.3)
        if self.chance(0.4):
            term = self.one(BENDS, s=self.step("straight", term))
            if "mix" in self.params:
                self.traits.discard("unmixed")
        if self.chance(0.06):
            self.traits.discard("soft")
            kept = self.condition(self.pick(0, 1))
            term = self.fill("(if {kept} then {s} else -inf)", {"kept": kept, "s": term})
        # A mask that follows would hold for the reductions in it.
        return self.step("score", term, named=1 if self.mask is None else 0.9)

    def put(self, name: str, term: Term) -> None:
        """An output; its type and its order in memory may be said."""
        while name in self.steps:
            name += "2"
        self.steps[name] = term.text
        elements = ("f32", "f32", "float")
        if name.startswith("whole"):
            elements = ("int64", "f32", "int", "int8", "uint8")
        element = self.pick(*elements) if self.chance(0.35) and not name.startswith("seen") else ""
        dims = self.rng.sample(sorted(term.dims), len(term.dims)) if self.chance(0.2) else []
        layout = f"[{', '.join(dims)}]" if dims else ""
        self.outputs.append(f"{name}: {element}{layout}" if element or dims else name)

    def write(self) -> Spec:
        self.choose_sizes()
        self.choose_operands()
        self.choose_traits()
        if masked_first := self.chance(0.5):
            self.choose_mask()
        score = self.score()
        if not masked_first:
            self.choose_mask()
        weight = self.step("weight", self.one(WEIGHTS, s=score), named=0.9)
        edited = weight
        if self.chance(0.35):
            edited = self.step("edited", self.one(EDITS, p=weight, s=score))
        count = self.pick(0, 0, 1, 1, 2)
        if count == 0 or self.chance(0.9):
            self.put("out", self.one(OUTPUTS, p=edited, x=self.one(VALUES)))
        if self.chance(0.15):
            other = self.step("other", self.one(WEIGHTS, s=score))
            self.put("other_out", self.one(OUTPUTS, p=other, x=self.one(VALUES)))
        for _ in range(count):
            name, template = self.choose(STATISTICS).split(" := ", 1)
            self.put(name, self.expand(template, {"p": self.pick(weight, edited), "s": score}))
        return self.spec()

    def spec(self) -> Spec:
        body = "\n".join(f"  {name} = {text}" for name, text in self.steps.items())
        # What was drawn and not taken may have left a parameter behind.
        used = set(re.findall(r"\w+", body))
        params = {name: kind for name, kind in self.params.items() if name in used}
        dims = set(re.findall(r"[A-Z]\w*", " ".join(params.values())))
        sizes = {dim: size for dim, size in self.sizes.items() if dim in dims}
        settings = {name: value for name, value in self.scalars.items() if name in params}
        for dim in list(sizes):
            if sizes[dim] > 0 and self.chance(0.5 if dim in "DE" else 0.02):
                settings[dim] = sizes.pop(dim)
        declared = ",\n    ".join(f"{name}: {kind}" for name, kind in params.items())
        lines = [text for name, text in FUNCTIONS.items() if f"{name}(" in body]
        lines += [f"attention drawn(\n    {declared})\n    -> {', '.join(self.outputs)}", "{"]
        lines += ["  dim L = 16"] * (self.shape == "pages") + [body, "}", ""]
        return Spec("\n".join(lines), sizes, settings, self.pick("f32", "f32", "f16", "bf16"),
                    self.pick(None, None, 1, 3))
