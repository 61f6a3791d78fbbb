"""What random specs are put together from: dimensions, tensors, and tables of
ways to write each part."""

import re
from dataclasses import dataclass

LENGTHS = (1, 2, 3, 7, 16, 17, 31, 33, 63, 64, 65, 100, 129, 130, 200, 260, 400)
SIDES = (1, 2, 3, 5, 7, 8, 9, 13, 16)
HEADS = (1, 3, 8, 16, 17, 32, 40, 64, 72, 96, 128)
COST = 4e6  # products of a spec; the reference is slow
FEW = 48  # an output with fewer elements may be small by chance

# Row and key dimensions, and how long they may be. Pages are read through a list.
SHAPES = {
    "line": (["M"], ["N"], LENGTHS),
    "plane": (["Y", "X"], ["U", "W"], SIDES),
    "space": (["T", "Y", "X"], ["S", "U", "W"], SIDES[:5]),
    "third": (["M"], ["N", "P"], LENGTHS[:8]),
    "pages": (["M"], ["F", "L"], LENGTHS[:7]),
}
# Batch dimensions of queries and of keys; [B, H] beside [B, G] reads head h // 2.
BATCHES = [("BH", "BH")] * 4 + [("BGR", "BG"), ("BH", "B"), ("H", "H"), ("B", "B"), ("", ""),
                                ("BH", ""), ("BH", "H"), ("BH", "BG")]

FUNCTIONS = {
    "square": "fn square(x) = x * x",
    "capped": "fn capped(x, c) = c * tanh(x / c)",
    "near": "fn near(i, j, w) = abs(i - j) <= w",
    "first": "fn first(i, w, extent) = max(min(i - w // 2, extent - w), 0)",
    "swish": "fn swish(x) = x * sigmoid(x)",
    "attend": "fn attend(p, x) = sum[n](p * x)",
}
SCALARS = {
    "window": ("int", range(1, 41)), "prefix": ("int", range(51)), "sinks": ("int", range(6)),
    "stride": ("int", range(1, 8)), "block": ("int", range(1, 21)), "radius": ("int", range(1, 61)),
    "side": ("int", range(7)), "seed": ("int", range(9)), "word": ("int", range(4)),
    "big": ("int", (2**33, 2**40 + 3, -(2**35), 2**52 - 1)), "causal": ("bool", ("true", "false")),
    "cap": ("float", (2, 3.5, 5)), "temperature": ("float", (0.5, 1.5)),
    "sharp": ("float", (1.5, 3)),
}
# Element types, and dimensions: i and j of one axis, ? for some of the batch, h
# for its last one, which without a batch leaves a scalar.
TENSORS = {
    "bias": ("", "? i j"), "colbias": ("", "? j"), "rowbias": ("", "? i"), "colgain": ("", "? j"),
    "rowgain": ("", "? i"), "slope": ("", "h"), "exponent": ("", "h"), "sink": ("", "h"),
    "gate": ("", "h D"), "mix": ("", "G H"), "to_out": ("", "h E O"), "mark": ("f32", "? j"),
    "kind": ("int8 uint8", "i j"), "label": ("int int64 int8 uint8", "? j"),
    "doc": ("int int64", "? j"), "here": ("int", "? i"), "there": ("int", "? j"),
    "length": ("int", "h"), "reach": ("int", "h"), "sees": ("bool", "? i j"), "valid": ("bool", "? j"),
}


@dataclass(frozen=True)
class Rule:
    """One way to write something: how often, what it takes, and a template."""

    weight: float
    needs: frozenset[str]
    template: str


def rules(text: str) -> list[Rule]:
    """A table of lines `WEIGHT NEEDS | TEMPLATE`. A template has `{name}` for a
    term, `max<K>(...)` for a reduction over a group of dimensions (K keys, R
    rows, A both, L the last key, J the key of the axis, H the last batch
    dimension), and `name := ...;` for a step before."""
    table = []
    # A line without a number goes on with the one before.
    for line in re.sub(r"\n *(?=[^\s\d])", " ", text.strip()).splitlines():
        head, template = line.split("|", 1)
        weight, *needs = head.split()
        table.append(Rule(float(weight), frozenset(needs), template.strip()))
    return table


QUERIES = rules("""
    10        | {q}
    1         | silu({q})
    1         | tanh({q})
    1         | ({q} + 0.5)
    1         | {q} * cos({i} / 4.0 + d)
    1         | 4 * softmax<D>({q})
""")
KEYS = rules("""
    10        | {k}
    1 one     | silu({k})
    1 one     | sin({k})
    1 one     | {k} * cos({j} / 4.0)
    1 one nomask | 8 * softmax<J>({k})
""")
PRODUCTS = rules("""
    8         | sum<D>({fq} * {fk})
    1 plain   | (sum<D>({fq} * {fk}) + sum<C>({qc} * {kc}))
    1 plain   | (sum<D>({fq} * {fk}) + sum<D>({q} * {tableD}))
    1 plain   | sum<D>({q} * ({k} + {tableD}))
    1 plain   | sum<D>({gate} * tanh({q} + {k}))
    1 plain line | (sum<D>({fq} * {fk}) + sum<D>({q} * {k}[n: max(n - 1, 0)]) / 2)
    1 plain   | (-sum<D>(({q} - {k}) * ({q} - {k})) * rsqrt(D) / 2)
""")
ADDITIONS = rules("""
    1         | {s} + {bias}
    1         | {s} + {colbias}
    1         | {s} + {rowbias}
    1         | {s} + {table}
    1         | {s} - abs({i} - {j}) / 8.0
    1         | {s} + 0.5 * cos({j} - {i})
    1         | {s} - log(float({i} + 1))
    1         | {s} + 2 * {j} / max({J}, 1)
    1         | {s} + (if {i} < {j} then 0.5 else 0)
    1         | {s} + float({kind}) / 2
    1         | {s} + (if {label} % 2 == 1 then 0.5 else -0.25)
    2         | {s} + {slope} * ({j} - {i})
    1         | {s} - {slope} * abs({i} - {j}) ** {exponent}
    1 line    | {s} + {s}[n: max(n - 1, 0)] / 2
    1 line    | {s} + {s}[m: M - 1 - m] / 2
    1 square  | {s} + {s}[m: n, n: m] / 2
    1         | {s} + float(({i} * 3 - {j}) // 4 % 5) / 4
    1 line    | {s} + tanh({s}[n: {label}]) / 2
""")
BENDS = rules("""
    1         | capped({s}, {cap})
    1         | {s} * {temperature}
    1         | {s} * {rowgain}
    1         | (if ({i} + {j}) % 3 == 0 then {s} else {s} / 2)
    1         | swish({s})
    1         | softplus({s})
    1         | sin({s})
    1         | 2 * erf({s} / 4)
    1         | 2 * tanh({s} / 2)
    1         | sqrt(1 + {s} * {s})
    1         | (gelu({s}) - {s} / 4)
    1         | max({s}, {s} / 4)
    1         | min({s}, {s} / 2 - 0.5)
    1         | ({s} + uniform(3, {i}, {j}))
    1 heads   | unmixed := {s}; sum<H>({mix} * {unmixed})
""")
CONDITIONS = rules("""
    3         | {j} <= {i}
    1         | {j} - {i} <= {J} - {I}
    1         | 0 <= {i} - {j} < {window}
    1         | near({i}, {j}, {window})
    1         | 0 <= {j} - first({i}, {window}, {J}) < {window}
    1         | ({j} <= {i} or {j} < {prefix})
    1         | {j} <= {i} and ({j} < {sinks} or {i} - {j} < {window})
    1         | ({i} - {j}) % {stride} == 0
    1         | {i} % 3 == {j} % 3
    1         | {j} % 4 != 1
    1         | {i} // 16 == {j} // 16
    1         | {i} // {block} == {j} // {block}
    1         | 0 <= {i} // 8 - {j} // 8 < 2
    1         | {j} <= {i} and ({i} - {j}) & ({i} - {j} - 1) == 0
    1         | ({i} ^ {j}) & 4 == 0
    1         | {j} >= {window}
    1         | {i} < {window}
    1         | {j} < {i} - 3
    1         | {i} != {j}
    1         | (not {causal} or {j} <= {i})
    1         | {sees}
    1         | {valid}
    1         | {kind} == 1
    1         | {mark} > -1
    1         | uniform({seed}, {i}, {j}) < 0.75
    1         | {j} < {length}
    1         | {i} < {length} and {j} < {length}
    1         | {j} - {i} <= {length} - {I} and {j} < {length}
    1         | 0 <= {i} - {j} < {reach}
    2 fits    | {doc}[{j}: {i}] == {doc}
    1         | {here} == {there}
    1         | {here} >= {there}
    2         | {allowed}
    1         | ({i} * {i} * {i} * {j} * {j} * {j}) % 7 < 4
    1         | ({i} - {j}) // 3 % 2 == 0
    1         | ({j} - {i}) % -3 != 0
    1         | {label} * 200 < 150 + {j}
    1         | {j} + {big} <= {i} + {big}
    1         | ({j} * {big}) % 5 != 0
    1         | {j} - {i} < {big}
    1         | ({i} << 33) >= ({j} << 33)
    1         | min({i}, {j}) % 2 == 0
    1         | ({i} - {j}) ** 2 < 5 * {window}
    1         | ({i} | {j}) % 5 != 0
    1         | {label} * {j} <= {i} + 9
    1         | {valid} != ({i} < {j})
    1         | {label} % 3 != 1
    1 nomask  | {label} < max<J>({label})
    1 nomask  | {j} < sum<J>({label} % 2)
    1 nomask  | {i} - {j} < sum<J>(if {sees} then 1 else 0)
    1 headed  | ({j} + {h}) % 3 != 0
    4 plane   | square({y} - {u}) + square({x} - {w}) < {radius}
    4 plane   | abs({y} - {u}) <= {side} and abs({x} - {w}) <= 2
""")
JUNCTIONS = rules("""
    2         | ({a} and {b})
    1         | ({a} or {b})
    1         | (not {a})
    1         | (if {a} then {b} else {c})
""")
# `strict`: all reductions are to look at the same pairs, for weights are relative
# to a maximum. `soft`: scores are finite. `many`: outputs have many elements.
WEIGHTS = rules("""
    8         | softmax<K>({s})
    1         | softmax<A>({s})
    1 soft    | softmax<R>({s})
    1 soft    | softmax<K>({s}) + softmax<R>({s})
    1 several | softmax<L>({s})
    1         | sigmoid({s})
    1         | sigmoid({s} - log(float({J} + 1)))
    1 soft    | relu({s})
    1 soft    | exp(tanh({s}))
    1 soft    | l1<K>(softplus({s}))
    1 soft    | l1<K>(relu({s}) + 0.125)
    1 soft    | l1<K>({s} * {s} + 0.25)
    1 soft    | share := l1<K>(softplus({s})); l1<K>({share} ** 2)
    1 soft    | share := l1<K>(softplus({s})); l1<K>({share} ** {sharp})
    1 soft strict | exp({s} - logsumexp<K>({s}))
    1 soft strict | top := max<K>({s}); power := exp({s} - {top}); {power} / sum<K>({power})
    1 soft strict | top := max(max<K>({s}), 0); power := exp({s} - {top});
                    {power} / (sum<K>({power}) + exp(-{top}))
    1 soft strict | top := max(max<K>({s}), {sink}); power := exp({s} - {top});
                    {power} / (sum<K>({power}) + exp({sink} - {top}))
    1 soft many | {s}
    1 soft many | (1 + {s} + {s} * {s} / 2) / 4
    1 soft many | {s} - 0.5 * mean<K>({s})
    1 soft many unmixed plain | other := sum<D>(tanh({q}) * {k}) * rsqrt(D);
                    softmax<K>({s}) - 0.5 * softmax<K>({other})
    1 soft unmixed plain | flow := sum<D>(sigmoid({q}) * sigmoid({k}));
                    rival := mean<R>({flow} / (1 + sum<K>({flow})));
                    {flow} * softmax<K>(tanh({rival})) / float(D)
""")
EDITS = rules("""
    1         | {p} * {p}
    1         | {p} * exp(-abs({i} - {j}) / 8.0)
    2         | (if uniform({seed}, {places}) >= 0.25 then {p} / 0.75 else 0)
    1         | (if {j} == {word} then {p} + 0.5 else {p})
    1         | {p} * sigmoid(max<K>({s}))
    1         | {p} * sigmoid(logsumexp<K>({s}))
    1 line soft | row := mean<K>({s}); {p} * sigmoid({row}[m: M - 1 - m])
    1         | column := mean<R>(abs({p})); {p} / (1 + {column})
    1         | {p} / (1 + sum<K>(abs({p})))
    1         | l1<K>({p} * {p} + 0.001)
    1         | softmax<K>(tanh({p}))
    1 many    | {p} - 0.5 * mean<K>({p})
""")
VALUES = rules("""
    1 few     | sigmoid({v})
    1 few     | (3 + tanh({v}))
    8 wide    | {v}
    1 wide    | silu({v})
    1 wide    | sin({v})
    1 wide    | abs({v})
    1 wide    | {v} * cos(e)
    1 wide    | {v} / (1 + {colgain} * {colgain})
    1 wide    | 8 * l1<E>(abs({v}) + 0.1)
    1 wide line plain | {v}[n: max(n - 1, 0)]
    1 wide plain | ({v} + {tableE})
""")
OUTPUTS = rules("""
    8         | sum<K>({p} * {x})
    1 line nowhere | attend({p}, {x})
    1         | mean<K>({p} * {x})
    1         | tanh(mean<K>({p} * {x}))
    1         | max<K>({p} * {x})
    1         | min<K>({p} * {x})
    1         | sum<K>({p} * {x}) * (1 + {rowgain} * {rowgain})
    1 several | sum<L>({p} * {x})
    1 line    | mixture := sum<K>({p} * {x}); {mixture}[m: M - 1 - m]
    1 wide    | mixture := sum<K>({p} * {x}); sum<E>({mixture} * {to_out}) * rsqrt(E)
    1 wide headed unmixed | mean<H>(sum<K>({p} * {x}))
    1 wide plain | query := sum<K>({p} * {x}); again := sum<E>(tanh({query}) * {v}) * rsqrt(E);
                sum<K>(softmax<K>({again}) * {v})
    1 wide    | sum<R>({p} * {u})
    1 square wide | layer := sum<K>({p} * {x}); again := sum<E>({layer} * {layer}[m: n]) * rsqrt(E);
                sum<K>(softmax<K>({again}) * {layer}[m: n])
    1 wide one | sum<K>({p} * softmax<K>({q} * {k}))
    1 few     | sum<R>({p} * sigmoid({u}))
""")
# Of rows, of columns and of pairs; the name of a whole number begins with "whole".
STATISTICS = rules("""
    2 many    | lse := logsumexp<K>({s})
    1         | lse := 4 + logsumexp<K>({s})
    1 many    | highest := max<K>({s})
    1         | highest := 4 + max<K>({s})
    1 soft    | lowest := 4 + min<K>({s})
    1 soft    | average := 4 + mean<K>({s})
    1 soft    | best := 4 + max<R>({s})
    1 soft    | all_lse := 4 + logsumexp<A>({s})
    1 soft    | entropy := 1 + sum<K>(softmax<K>({s}) * (logsumexp<K>({s}) - {s}))
    1         | total := sum<K>(abs({p}))
    1         | mass := sum<R>(abs({p}))
    1         | mass := mean<R>({p} * {p})
    1         | all_mass := mean<A>(abs({p}))
    1         | pairs := abs({p})
    1 headed unmixed | average_pairs := mean<H>(abs({p}))
    1         | whole_number := sum<K>(if ({sum}) % 2 == 0 then 1 else 2)
    1         | whole_last := max<K>({j} * ({sum}))
    1         | whole_first := min<K>(2 * {j} + {sum})
    1         | whole_labels := sum<K>({label} // 2 + {sum})
    1         | whole_labels := max<K>({label} & 6 | {sum})
    1         | whole_labels := min<K>(({label} << 1) - ({sum}))
    1         | whole_degree := sum<R>(if {sum} > 2 * {j} then 1 else 0)
    1         | degree := mean<R>(if {sum} > 2 * {j} then 1 else 0)
    1         | seen_any := sum<K>(if ({sum}) % 2 == 0 then 1 else 0) > 0
""")
