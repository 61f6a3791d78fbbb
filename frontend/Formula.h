//===- Formula.h - A checked spec -------------------------------*- C++ -*-===//
//
// What checking makes of an attention: a graph of quantities with dimensions
// and element types, functions expanded, masks turned into domains. Each
// quantity becomes one op of the attn dialect, so EmitAttn decides nothing but
// how tensors are stored. It depends on LLVM Support alone.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_FRONTEND_FORMULA_H
#define ATTN_FRONTEND_FORMULA_H

#include "frontend/Diagnostics.h"

#include "llvm/ADT/FoldingSet.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/bit.h"

#include <optional>

namespace attn {

/// What the elements of a computed quantity are: i1, i64 or f32.
enum class Element { Bool, Int, Float };

/// "int", as the user writes it.
llvm::StringRef toString(Element element);

/// How the elements of a tensor lie in memory. Default is the type that the
/// kernel is compiled for.
enum class Storage { Default, F32, F16, BF16, I32, I64, I8, U8, Bool };

/// Element type of the values read from such a tensor.
Element elementOf(Storage storage);

/// A set of dimensions, known by their positions in Formula::dims.
class DimSet {
public:
  static constexpr unsigned maxDims = 64;

  DimSet() = default;
  static DimSet of(unsigned dim) { return DimSet(uint64_t(1) << dim); }

  bool contains(unsigned dim) const { return bits >> dim & 1; }
  bool contains(DimSet other) const { return (other - *this).empty(); }
  bool intersects(DimSet other) const { return bits & other.bits; }
  bool empty() const { return bits == 0; }
  unsigned size() const { return llvm::popcount(bits); }
  llvm::SmallVector<unsigned> list() const;

  DimSet operator|(DimSet other) const { return DimSet(bits | other.bits); }
  DimSet operator-(DimSet other) const { return DimSet(bits & ~other.bits); }
  DimSet &operator|=(DimSet other) { return *this = *this | other; }
  bool operator==(const DimSet &) const = default;

  uint64_t raw() const { return bits; }

private:
  explicit DimSet(uint64_t bits) : bits(bits) {}
  uint64_t bits = 0;
};

/// One node of the graph, made by a QuantityTable.
class Quantity : public llvm::FoldingSetNode {
public:
  enum class Kind {
    Param,    // integer: the parameter
    Constant, // bits of an int64_t, a bool or a double
    Index,    // over: the dimension
    Extent,   // over: the dimension
    Unary,
    Binary,
    Compare,
    Select, // condition, then, otherwise
    Cast,
    Read,      // source, then an index for each dimension of over
    Uniform,   // seed, then indices
    Reduce,    // operand, then the domain if any
    Normalize, // operand, then the domain if any
  };
  using Operands = llvm::SmallVector<const Quantity *, 3>;

  Kind kind;
  Element element;
  DimSet dims;
  /// Mnemonic of the function in the attn dialect: exp, add, le, sum, softmax.
  llvm::StringRef function;
  Operands operands;
  llvm::SmallVector<unsigned, 2> over;
  uint64_t bits = 0;
  /// Whether the sizes and scalars of a call suffice to compute it.
  bool isPlanned = false;
  Place place;
  unsigned id = 0; // position in the table, after those of the operands

  std::optional<int64_t> constantInt() const;
  std::optional<double> constantNumber() const;
  // NOLINTNEXTLINE(readability-identifier-naming): FoldingSet calls it
  void Profile(llvm::FoldingSetNodeID &id) const;
};

/// Owns quantities. The same formula written twice is one quantity, known by
/// its first place.
class QuantityTable {
public:
  const Quantity *param(unsigned index, Element element, DimSet dims,
                        Place place);
  const Quantity *constant(int64_t value, Place place);
  const Quantity *constant(double value, Place place);
  const Quantity *constant(bool value, Place place);
  const Quantity *index(unsigned dim, Place place);
  const Quantity *extent(unsigned dim, Place place);
  const Quantity *unary(llvm::StringRef function, const Quantity *x,
                        Place place);
  const Quantity *binary(llvm::StringRef function, const Quantity *a,
                         const Quantity *b, Place place);
  const Quantity *compare(llvm::StringRef predicate, const Quantity *a,
                          const Quantity *b, Place place);
  const Quantity *select(const Quantity *condition, const Quantity *then,
                         const Quantity *otherwise, Place place);
  /// \p x itself if it has the element type; a constant for a constant.
  const Quantity *cast(const Quantity *x, Element element, Place place);
  const Quantity *read(const Quantity *source, llvm::ArrayRef<unsigned> over,
                       llvm::ArrayRef<const Quantity *> indices, Place place);
  const Quantity *uniform(llvm::ArrayRef<const Quantity *> operands,
                          Place place);
  /// \p domain may be null.
  const Quantity *reduce(llvm::StringRef function, const Quantity *x,
                         llvm::ArrayRef<unsigned> over, const Quantity *domain,
                         Place place);
  const Quantity *normalize(llvm::StringRef function, const Quantity *x,
                            llvm::ArrayRef<unsigned> over,
                            const Quantity *domain, Place place);

  const std::deque<Quantity> &all() const { return quantities; }

private:
  const Quantity *unique(Quantity candidate);
  Quantity pointwise(Quantity::Kind kind, llvm::StringRef function,
                     Element element, llvm::ArrayRef<const Quantity *> operands,
                     Place place);
  Quantity reduction(Quantity::Kind kind, llvm::StringRef function,
                     const Quantity *x, llvm::ArrayRef<unsigned> over,
                     const Quantity *domain, Place place);

  std::deque<Quantity> quantities;
  llvm::FoldingSet<Quantity> uniquer;
};

struct Dimension {
  std::string name;
  std::string index; // the name in lower case
  Place place;
  /// Null when tensors give the extent.
  const Quantity *extent = nullptr;
};

struct FormulaParam {
  std::string name;
  Place place;
  Storage storage = Storage::Default;
  std::vector<unsigned> layout;
  bool isScalar = false;
  const Quantity *defaultValue = nullptr;
  const Quantity *quantity = nullptr;
};

struct FormulaOutput {
  std::string name;
  Place place;
  Storage storage = Storage::Default;
  std::vector<unsigned> layout;
  const Quantity *quantity = nullptr;
};

struct Requirement {
  const Quantity *condition;
  std::string message;
  Place place;
};

/// One attention, checked.
struct Formula {
  std::string name;
  Place place;
  std::vector<Dimension> dims;
  std::vector<FormulaParam> params;
  std::vector<FormulaOutput> outputs;
  std::vector<Requirement> requirements;
  QuantityTable quantities;
};

} // namespace attn

#endif // ATTN_FRONTEND_FORMULA_H
