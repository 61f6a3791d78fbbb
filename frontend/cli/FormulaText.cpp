//===- FormulaText.cpp - Quantities in the notation of specs --------------===//

#include "frontend/cli/FormulaText.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Format.h"

using namespace attn;
using namespace attn::cli;

namespace {

/// How tightly the outermost operator of a text binds, as in the language.
enum Precedence {
  Lowest, // if
  Or,
  And,
  Not,
  Comparing,
  BitOr,
  BitXor,
  BitAnd,
  Shift,
  Sum,
  Product,
  Sign,
  Power,
  Highest // names, calls, parentheses
};

struct Text {
  std::string text;
  Precedence precedence = Highest;
};

struct Infix {
  llvm::StringLiteral sign;
  Precedence precedence;
};

class Printer {
public:
  std::string print(mlir::Value value, Precedence least = Lowest) {
    Text result = printText(value);
    return result.precedence < least ? "(" + result.text + ")" : result.text;
  }

private:
  Text printText(mlir::Value value);
  Text printBinary(BinaryOp op);
  Text printInfix(Infix infix, mlir::Value lhs, mlir::Value rhs);
  std::string list(mlir::ValueRange values) {
    return llvm::join(
        llvm::map_range(values,
                        [&](mlir::Value value) { return print(value); }),
        ", ");
  }
};

} // namespace

static std::string indexName(llvm::StringRef dim) { return dim.lower(); }

static std::string indexNames(mlir::ArrayAttr dims) {
  return llvm::join(
      llvm::map_range(dims.getAsValueRange<mlir::StringAttr>(), indexName),
      ", ");
}

static std::string number(mlir::Attribute value) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (auto flag = llvm::dyn_cast<mlir::BoolAttr>(value))
    stream << (flag.getValue() ? "true" : "false");
  else if (auto integer = llvm::dyn_cast<mlir::IntegerAttr>(value))
    stream << integer.getValue();
  else if (auto real = llvm::dyn_cast<mlir::FloatAttr>(value))
    stream << llvm::format("%.9g", real.getValueAsDouble());
  return text;
}

static Infix infixOf(BinaryKind kind, bool isBool) {
  switch (kind) {
  case BinaryKind::Add:
    return {" + ", Sum};
  case BinaryKind::Sub:
    return {" - ", Sum};
  case BinaryKind::Mul:
    return {" * ", Product};
  case BinaryKind::Div:
  case BinaryKind::Ratio:
    return {" / ", Product};
  case BinaryKind::FloorDiv:
    return {" // ", Product};
  case BinaryKind::Mod:
    return {" % ", Product};
  case BinaryKind::And:
    return isBool ? Infix{" and ", And} : Infix{" & ", BitAnd};
  case BinaryKind::Or:
    return isBool ? Infix{" or ", Or} : Infix{" | ", BitOr};
  case BinaryKind::Xor:
    return isBool ? Infix{" != ", Comparing} : Infix{" ^ ", BitXor};
  case BinaryKind::Shl:
    return {" << ", Shift};
  case BinaryKind::Shr:
    return {" >> ", Shift};
  case BinaryKind::Pow:
    return {" ** ", Power};
  case BinaryKind::Min:
  case BinaryKind::Max:
    break;
  }
  return {"", Highest};
}

static llvm::StringRef signOf(Predicate predicate) {
  switch (predicate) {
  case Predicate::LT:
    return " < ";
  case Predicate::LE:
    return " <= ";
  case Predicate::GT:
    return " > ";
  case Predicate::GE:
    return " >= ";
  case Predicate::EQ:
    return " == ";
  case Predicate::NE:
    return " != ";
  }
  return "";
}

Text Printer::printInfix(Infix infix, mlir::Value lhs, mlir::Value rhs) {
  // All signs group to the left but comparisons, which chain, and powers.
  auto next = Precedence(infix.precedence + 1);
  bool groupsLeft = infix.precedence != Comparing && infix.precedence != Power;
  return {print(lhs, groupsLeft ? infix.precedence : next) + infix.sign.str() +
              print(rhs, next),
          infix.precedence};
}

Text Printer::printBinary(BinaryOp op) {
  bool isBool = quantity(op.getLhs()).getElementType().isInteger(1);
  Infix infix = infixOf(op.getKind(), isBool);
  if (infix.sign.empty())
    return {stringifyBinaryKind(op.getKind()).str() + "(" +
            list(op.getOperands()) + ")"};
  return printInfix(infix, op.getLhs(), op.getRhs());
}

/// What \p op cuts to the numbers that 32 bits hold, as the compiler does; null
/// where it does not.
static mlir::Value withoutWidth(BinaryOp op) {
  auto isNumber = [](mlir::Value value, int64_t number) {
    return constantInteger(value) == number;
  };
  auto inner = op.getLhs().getDefiningOp<BinaryOp>();
  if (!inner)
    return {};
  BinaryOp low = op.getKind() == BinaryKind::Max ? op : inner;
  BinaryOp high = low == op ? inner : op;
  bool cuts = low.getKind() == BinaryKind::Max &&
              high.getKind() == BinaryKind::Min &&
              isNumber(low.getRhs(), std::numeric_limits<int32_t>::min()) &&
              isNumber(high.getRhs(), std::numeric_limits<int32_t>::max());
  return cuts ? inner.getLhs() : mlir::Value();
}

static std::string conditionText(mlir::Value domain, Printer &printer) {
  return domain ? " where " + printer.print(domain) : "";
}

Text Printer::printText(mlir::Value value) {
  if (auto argument = llvm::dyn_cast<mlir::BlockArgument>(value)) {
    auto spec = llvm::cast<SpecOp>(argument.getOwner()->getParentOp());
    return {spec.getArgName(argument.getArgNumber()).str()};
  }
  using Case = Text;
  return llvm::TypeSwitch<mlir::Operation *, Text>(value.getDefiningOp())
      .Case([&](ConstantOp op) -> Case {
        std::string text = number(op.getValue());
        return {text, text[0] == '-' ? Sign : Highest};
      })
      .Case([&](IndexOp op) -> Case { return {indexName(op.getDim())}; })
      .Case([&](ExtentOp op) -> Case { return {op.getDim().str()}; })
      .Case([&](UnaryOp op) -> Case {
        if (op.getKind() == UnaryKind::Neg)
          return {"-" + print(op.getOperand(), Sign), Sign};
        if (op.getKind() == UnaryKind::Not)
          return {"not " + print(op.getOperand(), Not), Not};
        // What softmax is over nothing is no part of its formula.
        if (op.getKind() == UnaryKind::NegInfToZero)
          return printText(op.getOperand());
        return {stringifyUnaryKind(op.getKind()).str() + "(" +
                print(op.getOperand()) + ")"};
      })
      .Case([&](BinaryOp op) -> Case {
        if (mlir::Value whole = withoutWidth(op))
          return printText(whole);
        return printBinary(op);
      })
      .Case([&](CompareOp op) -> Case {
        return {print(op.getLhs(), BitOr) + signOf(op.getPredicate()).str() +
                    print(op.getRhs(), BitOr),
                Comparing};
      })
      .Case([&](SelectOp op) -> Case {
        return {"if " + print(op.getCondition()) + " then " +
                    print(op.getThen()) + " else " + print(op.getOtherwise()),
                Lowest};
      })
      // Casts follow from the types of what they stand between.
      .Case([&](CastOp op) -> Case { return printText(op.getOperand()); })
      .Case([&](ReadOp op) -> Case {
        std::string text = print(op.getSource(), Highest) + "[";
        llvm::ListSeparator comma;
        for (auto [dim, index] :
             llvm::zip(op.getDims().getAsValueRange<mlir::StringAttr>(),
                       op.getIndices()))
          text += llvm::StringRef(comma).str() + indexName(dim) + ": " +
                  print(index);
        return {text + "]"};
      })
      .Case([&](UniformOp op) -> Case {
        return {"uniform(" + list(op.getOperands()) + ")"};
      })
      .Case([&](ReduceOp op) -> Case {
        return {stringifyReduceKind(op.getKind()).str() + "[" +
                indexNames(op.getDims()) + "](" + print(op.getOperand()) +
                conditionText(op.getDomain(), *this) + ")"};
      })
      .Case([&](NormalizeOp op) -> Case {
        return {stringifyNormalizeKind(op.getKind()).str() + "[" +
                indexNames(op.getDims()) + "](" + print(op.getOperand()) +
                conditionText(op.getDomain(), *this) + ")"};
      })
      .Case([&](AccumulateOp op) -> Case {
        auto sweep = op->getParentOfType<SweepOp>();
        return {stringifyAccumulateKind(op.getKind()).str() + "[" +
                indexNames(sweep.getOver()) + "](" + print(op.getOperand()) +
                conditionText(op.getDomain(), *this) + ")"};
      })
      // Results of sweeps and kernels are what was yielded.
      .Case<SweepOp, KernelOp>([&](auto op) -> Case {
        unsigned index = llvm::cast<mlir::OpResult>(value).getResultNumber();
        return printText(
            op.getBody().front().getTerminator()->getOperand(index));
      })
      .Default([](mlir::Operation *) -> Case { return {"..."}; });
}

std::string attn::cli::formulaText(mlir::Value value) {
  return Printer().print(value);
}

std::string attn::cli::dimsText(llvm::ArrayRef<mlir::StringAttr> dims) {
  std::string text = "[";
  llvm::ListSeparator comma;
  for (mlir::StringAttr dim : dims)
    text += llvm::StringRef(comma).str() + dim.str();
  return text + "]";
}
