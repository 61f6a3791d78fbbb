//===- Passes.td - Transforms of the attn dialect ------------*- tablegen -*-===//
//
// In running order. What each pass guarantees is what the next one relies on.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_PASSES_TD
#define ATTN_DIALECT_PASSES_TD

include "mlir/Pass/PassBase.td"

def CheckReads : Pass<"attn-check-reads", "::attn::SpecOp"> {
  let summary = "State what sizes the affine reads of a spec need";
  let description = [{
    A read at an index that is known before the pairs run (made of indices,
    sizes and scalars) gets an attn.require for each end of its range, unless
    the domain of every reduction that reads it, or the arithmetic, shows that
    it holds. A dimension read at any other index, which is clamped to the
    extent, must not be empty where sizes and scalars tell that an element is
    looked at: not where a mask or a condition on data decides, and 0 is read.
    Neither is required of a call in which a dimension is empty on every way from
    the read to an output. Runs on the formula form, where the domains still are
    the user's.
  }];
}

def CheckDivisors : Pass<"attn-check-divisors", "::attn::SpecOp"> {
  let summary = "Refuse divisions of integers by zero";
  let description = [{
    A quotient or remainder by the number 0 is an error; one by a size or scalar
    (or what is made of them) gets an attn.require that it is not 0, or that an
    empty dimension keeps each division by it from every output. A divisor that
    depends on data may be 0: x // 0 is 0, and x % 0 is x.
  }];
}

def CheckDomains : Pass<"attn-check-domains", "::attn::SpecOp"> {
  let summary = "Warn of masks that say what nobody means";
  let description = [{
    A mask that is always or never true, a comparison in it that never matters,
    and a row that has no pair although there are as many keys as queries: a
    warning at its place, for the affine parts of masks (with quotients and
    remainders by numbers). Requirements of the spec count as known; the rest of
    a mask may be anything, and nothing is said that depends on it. Changes
    nothing.
  }];
}

def ExpandNormalizers : Pass<"attn-expand-normalizers", "::attn::SpecOp"> {
  let summary = "Write means, log-sum-exps and normalisations as sums and maxima";
  let description = [{
    Afterwards every reduction is a sum, a max or a min, so that softmax[n](s)
    and the same written out by hand are one graph. A maximum that is
    subtracted under an exp goes through neginf_to_zero, and the quotient of a
    normaliser is a `ratio`: a row without a finite score gives 0, not NaN.
  }];
}

def FactorSums : Pass<"attn-factor-sums", "::attn::SpecOp"> {
  let summary = "Move factors out of the sums that they do not depend on";
  let description = [{
    sum[n](x * y) becomes y * sum[n](x) where y lacks n, and sum[n](x / y)
    becomes sum[n](x) / y. The normaliser of a softmax so leaves the sum over
    the values, and no sweep has to wait for it. A factor that is not finite, or
    a divisor of 0, must not turn the 0 of an empty row into NaN: where that can
    be, the result is 0 where the sum is over nothing, and only there. A divisor
    that is a sum over the same pairs of what is above 0 (the normaliser of a
    softmax written by hand) is 0 exactly there: then ratio, whose 0 / 0 is 0,
    needs no count of the pairs.
  }];
}

def SplitDomains : Pass<"attn-split-domains", "::attn::SpecOp"> {
  let summary = "Take domains apart where residues stand beside other pairs";
  let description = [{
    A congruence that is one side of an `or` (a window, and every s-th key
    before it) ties no lane to a key, and a sweep would look at all keys. Each
    reduction over such a domain becomes one for each part, over pairs that no
    other part has: those without a congruence, then the rest of those with one.
    A sum relative to a maximum is relative to that of its part, and scaled where
    parts are put together. Relies on sums, maxima and minima being all there is;
    later, scheduling would have joined what is taken apart here.
  }];
}

def ScheduleSweeps : Pass<"attn-schedule-sweeps", "::attn::SpecOp"> {
  let summary = "Group reductions into kernels and sweeps";
  let description = [{
    Decides which reductions are kept in memory and which live inside a tile,
    and gives each kept one a kernel and a sweep. A quantity whose sequence
    dimensions no single tensor has is kept only where it is used along a
    dimension that it is reduced over, which no tile has all of; kernels that
    sweep it along different dimensions then read a copy each, and one that
    goes through several in one sweep is taken apart, so that no more than a
    strip of it need be in memory (not without `strips`). A reduction runs in the first
    sweep in which everything that it needs is known. One rule lets a sum share
    the sweep of a maximum that it needs: exp(x - max[n](x)), which rescales.
    Reductions over pairs that are known to be disjoint have nothing to share,
    and run in kernels of their own, each with the tiles that it wants.

    With one-sweep, a kernel has one sweep: what waits for the result of another
    reads it from memory, where a machine has faster code for kernels of one.
  }];
  let options = [
    Option<"oneSweep", "one-sweep", "bool", /*default=*/"false",
           "Give each sweep a kernel of its own">,
    Option<"strips", "strips", "bool", /*default=*/"true",
           "Plan for strips of arrays that no tensor accounts for">
  ];
}

def SolveDomains : Pass<"attn-solve-domains", "::attn::SpecOp"> {
  let summary = "Solve the domains of each sweep for the pairs to visit";
  let description = [{
    Gives each sweep whose accumulators all have a domain the region `visits`:
    boxes of keys that a tile of lanes can need, as closed formulas over the
    bounds of the tile, and whether a tile of pairs is empty or full. Where all
    domains of a sweep share a congruence of a lane and a key, tiles are made
    within residues (attn.stride, `step`), and the condition is dropped: what is
    visited meets it. Nothing depends on a size or a tile.
  }];
}

#endif // ATTN_DIALECT_PASSES_TD
