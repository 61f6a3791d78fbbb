//===- Inputs.cpp - Random tensors for a call -----------------------------===//
//
// A generator is a word and its numbers:
//   normal [SCALE]     floats from the normal distribution (the default)
//   between LO HI      floats from the uniform distribution
//   below X            integers from 0 to X - 1 (the default: below 2)
//   upto X             integers from 0 to X
//   sorted X           the same, in ascending order along the innermost
//                      dimension
//   flags P            1 with probability P, else 0
//   value X            X everywhere
// X is a number or the name of a dimension. Appended words change some of the
// elements: `neginf P`, `posinf P` and `nan P` put that value in with
// probability P, and `huge P` multiplies by 1e4.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Harness.h"

#include "llvm/ADT/StringExtras.h"

#include <algorithm>
#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::numerics;

namespace {

class TensorFiller {
public:
  TensorFiller(StringRef generator, const CallSpec &call,
               std::mt19937_64 &random)
      : call(call), random(random) {
    generator.split(words, ' ', -1, /*KeepEmpty=*/false);
  }

  llvm::Error fill(HostTensor &tensor);

private:
  llvm::Expected<double> number(double fallback, bool isOptional = false);
  StringRef next() { return at < words.size() ? words[at++] : StringRef(); }
  double uniform() {
    return std::uniform_real_distribution<double>(0, 1)(random);
  }
  llvm::Error fillFirst(HostTensor &tensor);
  llvm::Error change(HostTensor &tensor, StringRef what);

  SmallVector<StringRef> words;
  size_t at = 0;
  const CallSpec &call;
  std::mt19937_64 &random;
};

} // namespace

llvm::Expected<double> TensorFiller::number(double fallback, bool isOptional) {
  double value;
  if (at < words.size() && !words[at].getAsDouble(value)) {
    ++at;
    return value;
  }
  if (at < words.size() && call.sizes.contains(words[at]))
    return double(call.sizes.lookup(words[at++]));
  if (isOptional)
    return fallback;
  return llvm::createStringError("a generator lacks its number: " +
                                 llvm::join(words, " "));
}

llvm::Error TensorFiller::fillFirst(HostTensor &tensor) {
  StringRef kind = next();
  auto fillWith = [&](auto make) {
    for (double &element : tensor.data)
      element = make();
    return llvm::Error::success();
  };
  bool isNormal = kind == "normal";
  llvm::Expected<double> first = number(1, isNormal);
  if (!first)
    return first.takeError();
  if (isNormal) {
    std::normal_distribution<double> normal(0, *first);
    return fillWith([&] { return normal(random); });
  }
  if (kind == "between") {
    llvm::Expected<double> last = number(0);
    if (!last)
      return last.takeError();
    return fillWith([&] { return *first + (*last - *first) * uniform(); });
  }
  if (kind == "value")
    return fillWith([&] { return *first; });
  if (kind == "flags")
    return fillWith([&] { return double(uniform() < *first); });
  bool isSorted = kind == "sorted";
  if (kind != "below" && kind != "upto" && !isSorted)
    return llvm::createStringError("unknown generator " + kind);
  int64_t highest = std::max<int64_t>(int64_t(*first) - (kind == "below"), 0);
  std::uniform_int_distribution<int64_t> whole(0, highest);
  llvm::Error done = fillWith([&] { return double(whole(random)); });
  int64_t row = tensor.shape.empty() ? 1 : tensor.shape.back();
  if (isSorted && row > 0)
    for (size_t start = 0; start < tensor.data.size(); start += row)
      std::sort(tensor.data.begin() + start, tensor.data.begin() + start + row);
  return done;
}

llvm::Error TensorFiller::change(HostTensor &tensor, StringRef what) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  llvm::Expected<double> share = number(0);
  if (!share)
    return share.takeError();
  for (double &element : tensor.data) {
    if (uniform() >= *share)
      continue;
    if (what == "neginf")
      element = -infinity;
    else if (what == "posinf")
      element = infinity;
    else if (what == "nan")
      element = std::numeric_limits<double>::quiet_NaN();
    else if (what == "huge")
      element *= 1e4;
    else
      return llvm::createStringError("unknown generator " + what);
  }
  return llvm::Error::success();
}

llvm::Error TensorFiller::fill(HostTensor &tensor) {
  if (llvm::Error failure = fillFirst(tensor))
    return failure;
  while (at < words.size())
    if (llvm::Error failure = change(tensor, next()))
      return failure;
  return llvm::Error::success();
}

llvm::Expected<ReferenceInputs>
attn::numerics::makeInputs(SpecOp spec, const CallSpec &call,
                           std::mt19937_64 &random) {
  ReferenceInputs inputs;
  inputs.scalars = call.scalars;
  for (auto [index, type] : llvm::enumerate(spec.getArgumentTypes())) {
    auto quantityType = cast<QuantityType>(type);
    if (quantityType.isScalar())
      continue;
    HostTensor &tensor = inputs.tensors[spec.getArgName(index)];
    size_t size = 1;
    for (StringAttr dim : spec.getArgLayout(index)) {
      auto extent = call.sizes.find(dim.getValue());
      if (extent == call.sizes.end())
        return llvm::createStringError("no size is given for " +
                                       dim.getValue());
      tensor.shape.push_back(extent->second);
      size *= extent->second;
    }
    tensor.data.resize(size);
    Type element = quantityType.getElementType();
    std::string generator = call.generators.lookup(spec.getArgName(index));
    if (generator.empty())
      generator = isa<FloatType>(element) ? "normal" : "below 2";
    if (llvm::Error failure =
            TensorFiller(generator, call, random).fill(tensor))
      return failure;
    for (double &value : tensor.data)
      value = roundToElement(element, value);
  }
  return inputs;
}
