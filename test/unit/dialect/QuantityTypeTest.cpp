//===- QuantityTypeTest.cpp - The type of a quantity ----------------------===//

#include "dialect/AttnOps.h"

#include "mlir/AsmParser/AsmParser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace attn;

namespace {

class QuantityTypeTest : public testing::Test {
protected:
  QuantityTypeTest() : context(MLIRContext::Threading::DISABLED) {
    context.loadDialect<AttnDialect>();
  }
  QuantityType parse(StringRef text) {
    return dyn_cast_or_null<QuantityType>(parseType(text, &context));
  }
  MLIRContext context;
};

TEST_F(QuantityTypeTest, KnowsItsDimensionsByName) {
  QuantityType type = parse("!attn.q<[B, M], f32>");
  ASSERT_TRUE(type);
  EXPECT_TRUE(type.hasDim(StringAttr::get(&context, "M")));
  EXPECT_FALSE(type.hasDim(StringAttr::get(&context, "N")));
  EXPECT_FALSE(type.isScalar());
}

TEST_F(QuantityTypeTest, WithoutDimensionsIsOneNumber) {
  EXPECT_TRUE(parse("!attn.q<[], i64>").isScalar());
}

TEST_F(QuantityTypeTest, KeepsItsDimensionsWithAnotherElement) {
  QuantityType type = parse("!attn.q<[B, M], bf16>");
  EXPECT_EQ(type.withElement(Float32Type::get(&context)),
            parse("!attn.q<[B, M], f32>"));
}

TEST_F(QuantityTypeTest, RefusesARepeatedDimension) {
  std::string message;
  ScopedDiagnosticHandler handler(
      &context, [&](Diagnostic &diagnostic) { message += diagnostic.str(); });
  EXPECT_FALSE(parse("!attn.q<[M, M], f32>"));
  EXPECT_EQ(message, "dimension M occurs twice");
}

} // namespace
