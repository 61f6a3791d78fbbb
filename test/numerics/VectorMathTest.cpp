//===- VectorMathTest.cpp - Errors of the elementary functions ------------===//
//
// Each function of the language, compiled as a spec of its own, against libm in
// double precision, in units of the last place of f32. Arguments cover every
// binade in which the function does something, both signs, and the specials.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Harness.h"

#include "frontend/Frontend.h"

#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::numerics;

namespace {

struct Function {
  const char *formula; // of x
  double (*exact)(double);
  double low, high; // range of |x|
  bool negative;
  double ulps;  // allowed where the result is at least `floor`
  double floor; // absolute error allowed below it: ulps of this number
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
}
double rsqrt(double x) { return 1 / std::sqrt(x); }
double power(double x) { return std::pow(x, 2.5); }
double cube(double x) { return x * x * x; }
double exact_exp(double x) { return std::exp(x); }
double exact_exp2(double x) { return std::exp2(x); }
double exact_log(double x) { return std::log(x); }
double exact_log2(double x) { return std::log2(x); }
double exact_tanh(double x) { return std::tanh(x); }
double exact_erf(double x) { return std::erf(x); }
double exact_sin(double x) { return std::sin(x); }
double exact_cos(double x) { return std::cos(x); }

// The error of pow grows with the exponent, which is rounded to f32 before it
// is used: |y log2(x)| 2^-24 of the result.
const Function functions[] = {
    {"exp2(x)", exact_exp2, 1e-6, 125, true, 2, 1e-37},
    {"exp(x)", exact_exp, 1e-6, 87.3, true, 2, 0x1p-126},
    {"log(x)", exact_log, 1e-45, 1e38, false, 4, 1e-1},
    {"log2(x)", exact_log2, 1e-45, 1e38, false, 8, 1e-1},
    {"tanh(x)", exact_tanh, 1e-6, 50, true, 6, 0},
    {"sigmoid(x)", sigmoid, 1e-6, 80, true, 4, 1e-37},
    {"softplus(x)", softplus, 1e-6, 80, true, 4, 1e-37},
    {"rsqrt(x)", rsqrt, 1e-30, 1e30, false, 2, 0},
    {"erf(x)", exact_erf, 1e-6, 10, true, 16, 0},
    {"sin(x)", exact_sin, 1e-6, 1e4, true, 1, 0},
    {"cos(x)", exact_cos, 1e-6, 1e4, true, 1, 0},
    {"x ** 2.5", power, 1e-6, 1e6, false, 90, 0},
    {"x ** 3.0", cube, 1e-6, 1e6, true, 2, 0},
};

std::vector<double> argumentsOf(const Function &function, int64_t count,
                                std::mt19937_64 &random) {
  std::uniform_real_distribution<double> exponent(std::log2(function.low),
                                                  std::log2(function.high));
  std::vector<double> arguments;
  for (int64_t i = 0; i < count; ++i) {
    double x = float(std::exp2(exponent(random)));
    arguments.push_back(function.negative && i % 2 ? -x : x);
  }
  return arguments;
}

/// \p formula at each x of \p arguments, and with the p of \p exponents if
/// there are any.
std::vector<double> evaluate(const std::string &formula,
                             std::vector<double> arguments,
                             std::vector<double> exponents = {}) {
  std::string parameters =
      exponents.empty() ? "x: [M, D]" : "x: [M, D], p: [M, D]";
  std::string text =
      "attention f(" + parameters + ") -> y: [M, D] { y = " + formula + " }";
  llvm::raw_ostream &errors = llvm::errs();
  std::unique_ptr<SpecFile> file = parseSpecFile(text, "f.attn", errors);
  EXPECT_TRUE(file);
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module =
      emitSpec(*file, "f", EmitOptions(), context, errors);
  EXPECT_TRUE(module);
  auto compiled = CompiledSpec::compile(*module, "f", CompileOptions());
  if (!compiled) {
    ADD_FAILURE() << llvm::toString(compiled.takeError());
    return {};
  }
  ReferenceInputs inputs;
  HostTensor &x = inputs.tensors["x"];
  x.shape = {1, int64_t(arguments.size())};
  x.data = std::move(arguments);
  if (!exponents.empty())
    inputs.tensors["p"] = {x.shape, std::move(exponents)};
  std::mt19937_64 random(1);
  auto results = (*compiled)->run(inputs, Memory::Contiguous, random);
  if (!results) {
    ADD_FAILURE() << llvm::toString(results.takeError());
    return {};
  }
  return results->front().data;
}

double unitOf(double value) {
  float magnitude = std::fabs(float(value));
  return double(std::nextafter(magnitude,
                               std::numeric_limits<float>::infinity())) -
         magnitude;
}

TEST(VectorMath, StaysWithinTheStatedUnitsOfTheLastPlace) {
  std::random_device device;
  const char *given = std::getenv("ATTN_TEST_SEED");
  unsigned seed = given ? unsigned(std::atol(given)) : device();
  SCOPED_TRACE("ATTN_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const Function &function : functions) {
    SCOPED_TRACE(function.formula);
    std::vector<double> arguments = argumentsOf(function, 20001, random);
    std::vector<double> results = evaluate(function.formula, arguments);
    ASSERT_EQ(results.size(), arguments.size());
    double worst = 0, at = 0;
    for (size_t i = 0; i < results.size(); ++i) {
      double exact = function.exact(arguments[i]);
      double unit = unitOf(std::max(std::fabs(exact), function.floor));
      double error = std::fabs(results[i] - exact) / unit;
      if (!(error <= worst)) {
        worst = error;
        at = arguments[i];
      }
    }
    EXPECT_LE(worst, function.ulps) << "at " << at;
    llvm::outs() << function.formula << ": " << worst << " ulp at " << at
                 << "\n";
  }
}

TEST(VectorMath, KeepsTheSpecialNumbers) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  auto expect = [](const char *formula, std::vector<double> arguments,
                   std::vector<double> wanted) {
    std::vector<double> results = evaluate(formula, arguments);
    ASSERT_EQ(results.size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (std::isnan(wanted[i]))
        EXPECT_TRUE(std::isnan(results[i]))
            << formula << " of " << arguments[i];
      else
        EXPECT_EQ(results[i], wanted[i]) << formula << " of " << arguments[i];
    }
  };
  expect("exp(x)", {-inf, inf, nan, 0, -1000, 1000}, {0, inf, nan, 1, 0, inf});
  expect("exp2(x)", {-inf, inf, nan, 0, -127, 127},
         {0, inf, nan, 1, 0, 0x1p127});
  expect("log(x)", {0, inf, -1, 1}, {-inf, inf, nan, 0});
  expect("sigmoid(x)", {-inf, inf, nan, 0}, {0, 1, nan, 0.5});
  expect("tanh(x)", {-inf, inf, nan, 0}, {-1, 1, nan, 0});
  expect("softplus(x)", {-inf, inf, nan}, {0, inf, nan});
  expect("x ** 2.0", {0, -3, 1}, {0, 9, 1});
  expect("x ** 0.5", {-1, 0}, {nan, 0});
}

// As IEEE 754 has pow: NaN to the 0 is 1, 1 to the infinite is 1, and odd
// powers keep the sign of 0 and of infinity.
TEST(VectorMath, KeepsTheSpecialPowers) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const double bases[] = {-inf, -2, -1, -0.5, -0.0, 0, 0.5, 1, 2, inf, nan};
  const double powers[] = {-inf, -3, -2, -1.5, -1,  0,  0.5,
                           1,    2,  3,  7.5,  inf, nan};
  std::vector<double> x, p;
  for (double base : bases)
    for (double power : powers) {
      x.push_back(base);
      p.push_back(power);
    }
  std::vector<double> results = evaluate("x ** p", x, p);
  ASSERT_EQ(results.size(), x.size());
  auto check = [](double got, double base, double power) {
    double wanted = std::pow(base, power);
    if (std::isnan(wanted))
      EXPECT_TRUE(std::isnan(got)) << base << " to the " << power;
    else if (std::isinf(wanted) || wanted == 0)
      EXPECT_TRUE(got == wanted && std::signbit(got) == std::signbit(wanted))
          << base << " to the " << power << " is " << got;
    else
      EXPECT_NEAR(got, wanted, 1e-6 * std::fabs(wanted))
          << base << " to the " << power;
  };
  for (size_t i = 0; i < x.size(); ++i)
    check(results[i], x[i], p[i]);
  for (double power : powers) {
    if (!std::isfinite(power))
      continue;
    // An exponent that is known.
    std::vector<double> known = evaluate("x ** (" + std::to_string(power) + ")",
                                         {std::begin(bases), std::end(bases)});
    ASSERT_EQ(known.size(), std::size(bases));
    for (size_t i = 0; i < known.size(); ++i)
      check(known[i], bases[i], power);
  }
}

// As in Python, with quotients that round to the next integer.
TEST(VectorMath, LeavesRestsAsPythonDoes) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  std::vector<double> x, p, wanted;
  auto expect = [&](double a, double b, double rest) {
    x.insert(x.end(), {a, -a});
    p.insert(p.end(), {b, -b});
    wanted.insert(wanted.end(), {rest, -rest});
  };
  expect(7, 3, 1);
  expect(-7, 3, 2);
  expect(6, 3, 0);
  expect(1e8, 3, 1);
  expect(-1e8, 3, 2);
  expect(0.75, 0.25, 0);
  expect(16777215, 0.5, 0);
  expect(1e10f, 3, std::fmod(double(1e10f), 3));
  expect(1e8, 0.1f, std::fmod(1e8, double(0.1f)));
  expect(5, inf, 5);
  expect(-5, inf, inf);
  expect(123456.703125, 0.3f, std::fmod(123456.703125, double(0.3f)));
  std::vector<double> results = evaluate("x % p", x, p);
  ASSERT_EQ(results.size(), wanted.size());
  for (size_t i = 0; i != x.size(); ++i)
    EXPECT_EQ(results[i], float(wanted[i])) << x[i] << " % " << p[i];
}

} // namespace
