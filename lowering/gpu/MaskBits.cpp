//===- MaskBits.cpp - A mask of long formulas, a bit an element -----------===//

#include "lowering/gpu/MaskBits.h"
#include "dialect/FormulaWalk.h"
#include "lowering/gpu/IntegerRanges.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = WarpCode::Values;

/// Elements of a group of eight columns, and the groups of a step of the loop:
/// one alone would wait for its divisions.
static constexpr unsigned elementsOfGroup = 4, groupsOfStep = 2,
                          elementsOfWord = 64;

bool MaskBits::isLong(FragmentEvaluator &pairs, Value domain) {
  bool divides = false, isGiven = false;
  walkFormula(domain, [&](Value part) {
    if (!pairs.onColumns(part))
      return false;
    if (pairs.given.contains(part)) {
      isGiven = true;
      return false;
    }
    auto binary = part.getDefiningOp<BinaryOp>();
    divides |= binary &&
               llvm::is_contained({BinaryKind::FloorDiv, BinaryKind::Mod},
                                  binary.getKind()) &&
               quantity(part).getElementType().isInteger() &&
               (!constantReal(binary.getRhs()) ||
                bitsOf(binary.getLhs(), pairs.uniform.layout.getSpec()) > 32);
    return true;
  });
  return divides && !isGiven;
}

MaskBits::MaskBits(FragmentEvaluator &pairs, Value domain, unsigned columns,
                   const FragmentScope &scope)
    : pairs(pairs) {
  constexpr unsigned columnsOfWord = elementsOfWord / elementsOfGroup * 8;
  for (unsigned first = 0; first < columns; first += columnsOfWord)
    words.push_back(word(domain, first,
                         std::min(columns - first, columnsOfWord) / 8, scope));
}

Value MaskBits::holds(unsigned element) {
  cpu::Code &code = pairs.code;
  Value bit = code.index(int64_t(1) << element % elementsOfWord);
  return code.compare(arith::CmpIPredicate::ne,
                      code.land(words[element / elementsOfWord], bit),
                      code.index(0));
}

/// Bits of \p groups groups of columns from \p firstColumn on, the first
/// lowest.
Value MaskBits::word(Value domain, unsigned firstColumn, unsigned groups,
                     const FragmentScope &scope) {
  cpu::Code &code = pairs.code;
  WarpCode &warps = pairs.warps;
  unsigned ofStep = pairs.columns.back().box % (8 * groupsOfStep) == 0 &&
                            groups % groupsOfStep == 0
                        ? groupsOfStep
                        : 1;
  unsigned bitsOfStep = ofStep * elementsOfGroup;
  Value perStep = warps.i32(8 * ofStep), origin = warps.i32(firstColumn);
  Value bits =
      code.forEach(code.index(0), code.index(groups / ofStep), 1, code.index(0),
                   [&](Value step, ValueRange before) -> Values {
                     FragmentScope own(&scope);
                     Value distance = code.mul(warps.toI32(step), perStep);
                     pairs.shiftColumns(code.add(distance, origin), own);
                     Value bits = warps.i32(0);
                     for (unsigned i = 0; i != bitsOfStep; ++i) {
                       Value holds = pairs.evaluate(domain, placeOf(i), own);
                       Value bit =
                           code.select(holds, warps.i32(1 << i), warps.i32(0));
                       bits = code.lor(bits, bit);
                     }
                     // They come in from above.
                     Value above = arith::ShLIOp::create(
                         code.builder, code.loc, warps.widen(bits),
                         code.index(elementsOfWord - bitsOfStep));
                     Value older = arith::ShRUIOp::create(
                         code.builder, code.loc, before.front(),
                         code.index(bitsOfStep));
                     return {code.lor(older, above)};
                   })
          .front();
  unsigned unused = elementsOfWord - groups * elementsOfGroup;
  if (!unused)
    return bits;
  return arith::ShRUIOp::create(code.builder, code.loc, bits,
                                code.index(unused));
}
