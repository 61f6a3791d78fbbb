//===- RandomMask.cpp - Masks drawn from the grammar ----------------------===//

#include "test/numerics/RandomMask.h"

#include "llvm/ADT/StringExtras.h"

using namespace attn;
using namespace attn::numerics;
using llvm::StringRef;

namespace {

class MaskWriter {
public:
  explicit MaskWriter(std::mt19937_64 &random) : random(random) {}

  RandomMask any() {
    chooseDims();
    mask.condition = predicate(random() % 3);
    return finish();
  }

  RandomMask exact() {
    static const std::pair<const char *, const char *> dims[] = {
        {"M", "N"}, {"M", "N"}, {"Y, X", "U, W"}, {"Z, Y, X", "O, U, W"}};
    std::tie(mask.rows, mask.keys) = dims[random() % std::size(dims)];
    mask.condition = mask.rows == "M" ? exactOnALine() : exactInABox();
    return finish();
  }

private:
  std::string oneOf(std::initializer_list<std::string> choices) {
    return choices.begin()[random() % choices.size()];
  }
  std::string number(int64_t low, int64_t high) {
    return std::to_string(low + int64_t(random() % uint64_t(high - low + 1)));
  }

  void chooseDims() {
    bool isPlane = random() % 3 == 0;
    mask.rows = isPlane ? "Y, X" : "M";
    mask.keys = isPlane ? "U, W" : "N";
  }
  bool isPlane() const { return mask.rows == "Y, X"; }
  /// A row index and a key index of one axis.
  std::pair<std::string, std::string> axis() {
    if (!isPlane())
      return {"m", "n"};
    return random() % 2 ? std::pair("y", "u") : std::pair("x", "w");
  }

  std::string predicate(unsigned depth);
  std::string leaf();
  std::string comparison();
  std::string integer(unsigned depth);
  std::string congruence();
  std::string quotient();
  std::string bits();
  std::string label();
  std::string affine(unsigned depth);
  std::string exactOnALine();
  std::string exactInABox();
  std::string exactOnAnAxis(const std::string &i, const std::string &j);
  std::string dilatedOnAnAxis(const std::string &i, const std::string &j);
  RandomMask finish();

  std::mt19937_64 &random;
  RandomMask mask;
};

} // namespace

//===----------------------------------------------------------------------===//
// Any mask
//===----------------------------------------------------------------------===//

std::string MaskWriter::predicate(unsigned depth) {
  if (depth == 0)
    return leaf();
  std::string a = predicate(depth - 1);
  switch (random() % 6) {
  case 0:
    return "(not (" + a + "))";
  case 1:
    return "(" + a + " or " + predicate(depth - 1) + ")";
  case 2:
    return "(if " + oneOf({"h % 2 == 0", "h == 0", leaf()}) + " then " + a +
           " else " + predicate(depth - 1) + ")";
  default:
    return "(" + a + " and " + predicate(depth - 1) + ")";
  }
}

std::string MaskWriter::leaf() {
  switch (random() % 8) {
  case 0:
  case 1:
    return comparison();
  case 2: {
    auto [i, j] = axis();
    return "(" + oneOf({"0", "-s", "-2", "1 - t"}) + " <= " + i + " - " + j +
           oneOf({" < ", " <= "}) + oneOf({"s", "t", "7", "reach", "4 * by"}) +
           ")";
  }
  case 3:
    return congruence();
  case 4:
    return quotient();
  case 5:
    return bits();
  case 6:
    return label();
  default:
    if (!isPlane())
      return comparison();
    return "((y - u) * (y - u) + (x - w) * (x - w) < s * s)";
  }
}

std::string MaskWriter::comparison() {
  return "(" + integer(2) +
         oneOf({" < ", " <= ", " > ", " >= ", " == ", " != "}) + integer(1) +
         ")";
}

std::string MaskWriter::integer(unsigned depth) {
  auto [i, j] = axis();
  if (depth == 0 || random() % 4 == 0)
    return oneOf({i, j, i, j, i, j, "s", "t", "h", "reach", "length",
                  number(-3, 20), isPlane() ? "W - 1" : "N - M"});
  std::string a = integer(depth - 1);
  auto b = [&] { return integer(depth - 1); };
  switch (random() % 10) {
  case 0:
  case 1:
    return "(" + a + " + " + b() + ")";
  case 2:
  case 3:
    return "(" + a + " - " + b() + ")";
  case 4:
    return "(" + number(-3, 4) + " * " + a + ")";
  case 5:
    return "(" + a + " // " + oneOf({"2", "3", "8", "by", "-3"}) + ")";
  case 6:
    return "(" + a + " % " + oneOf({"2", "5", "8", "by", "-3"}) + ")";
  case 7:
    return "abs(" + a + ")";
  case 8:
    return oneOf({"min(", "max("}) + a + ", " + b() + ")";
  default:
    return "(if " + comparison() + " then " + a + " else " + b() + ")";
  }
}

std::string MaskWriter::congruence() {
  auto [i, j] = axis();
  std::string by = oneOf({"by", "by", "3", "4", "-by"});
  return "(" +
         oneOf({"(" + i + " - " + j + ") % " + by +
                    " == " + oneOf({"0", "0", "1", "t"}),
                i + " % " + by + " == " + j + " % " + by,
                "(" + j + " + " + i + ") % " + by + " == 1",
                "(" + j + " + h * 2 + t) % " + by + " == 0",
                j + " % " + by + " != 0", i + " % 2 == 1",
                "(" + j + " - reach) % by == 0"}) +
         ")";
}

std::string MaskWriter::quotient() {
  auto [i, j] = axis();
  std::string by = oneOf({"by", "4", "16", "8"});
  return "(" +
         oneOf({i + " // " + by + " == " + j + " // " + by,
                "(" + i + " + t) // " + by + " == (" + j + " + t) // " + by,
                i + " // " + by + " - " + j + " // " + by + " < 2",
                "(" + j + " // " + by + " + h) % 3 == 0",
                "-s <= " + j + " - " + i + " // " + by + " * " + by +
                    " < s + " + by,
                "0 <= " + j + " - max(min(" + i + " - s // 2, " +
                    (isPlane() ? "W" : "N") + " - s), 0) < s"}) +
         ")";
}

std::string MaskWriter::bits() {
  auto [i, j] = axis();
  std::string far = "(" + i + " // 4 - " + j + " // 4)";
  return "(" +
         oneOf({far + " & (" + far + " - 1) == 0",
                "(" + i + " ^ " + j + ") & 4 == 0", j + " >> 2 & 1 == 0",
                i + " // 8 & " + j + " // 8 == 0", "1 << " + j + " % 4 > t",
                i + " | 3 == " + j + " | 3"}) +
         ")";
}

std::string MaskWriter::label() {
  if (isPlane())
    return oneOf({"(here == there)", "(there > 0)", "seen",
                  "(here <= there + 1)", "(y - u < reach)",
                  "(u < length and w < length)",
                  "(there[u: min(y, U - 1), w: min(x, W - 1)] == there)",
                  "(table[i: y // 4, j: u // 4] == 1)"});
  return oneOf({"(here == there)", "(there > 0)", "seen", "(here <= there + 1)",
                "(m - n < reach)", "(n < length and m < length)",
                "(there[n: min(m, N - 1)] == there)",
                "(there[n: (n + m) % max(N, 1)] == 1)",
                "(table[i: m // 16, j: n // 16] == 1)",
                "(table[i: m // by, j: n // by] > 0)",
                "(there[n: max(n - 1, 0)] != there)"});
}

//===----------------------------------------------------------------------===//
// Families with exact tiles
//===----------------------------------------------------------------------===//

/// One condition that ties the indices of an axis together.
std::string MaskWriter::exactOnAnAxis(const std::string &i,
                                      const std::string &j) {
  std::string extent(1, llvm::toUpper(j.front()));
  return oneOf({j + " <= " + i, "0 <= " + i + " - " + j + " < s",
                "abs(" + i + " - " + j + ") <= s",
                i + " // by == " + j + " // by",
                "0 <= " + j + " - max(min(" + i + " - s // 2, " + extent +
                    " - s), 0) < s",
                "-t <= " + j + " - " + i + " // by * by < by + t",
                "(" + i + " + t) // by == (" + j + " + t) // by"});
}

/// A window within a residue: one that slides, one that looks back, one that is
/// shifted at the borders to keep its size, one that a group shares.
std::string MaskWriter::dilatedOnAnAxis(const std::string &i,
                                        const std::string &j) {
  std::string extent(1, llvm::toUpper(j.front()));
  std::string length = "(" + extent + " - " + i + " % by + by - 1) // by";
  // A group of two has a window of at least two.
  bool isGroup = random() % 2;
  std::string size = isGroup ? "max(s, 2)" : "s";
  std::string at = i + " // by";
  if (isGroup)
    at = "min(" + at + " // 2 * 2 + 1, " + length + " - 1)";
  std::string window =
      oneOf({"0 <= " + i + " - " + j + " < s * by",
             "abs(" + i + " - " + j + ") <= s * by",
             "0 <= " + j + " // by - max(min(" + at + " - " + size + " // 2, " +
                 length + " - " + size + "), 0) < " + size});
  return "(" + i + " - " + j + ") % by == 0 and " + window;
}

/// Comparisons of the indices, and of one of them, in any combination.
std::string MaskWriter::affine(unsigned depth) {
  if (depth == 0)
    return oneOf({"n <= m", "m - n < s", "0 <= m - n < s", "abs(m - n) <= s",
                  "n < t", "m < t", "n >= N - t", "m >= s", "n - m > t",
                  "n <= m + N - M", "n < reach", "m - n != s", "n != t"});
  std::string a = affine(depth - 1), b = affine(random() % depth);
  return oneOf({"not (" + a + ")", "(" + a + ") and (" + b + ")",
                "(" + a + ") and (" + b + ")", "(" + a + ") or (" + b + ")"});
}

std::string MaskWriter::exactOnALine() {
  switch (random() % 10) {
  case 0:
    mask.exactFamily = "affine";
    return exactOnAnAxis("m", "n");
  case 1:
    mask.exactFamily = "affine, per head";
    return "0 <= m - n <= reach";
  case 2:
  case 3:
    mask.exactFamily = "affine, combined";
    return affine(2);
  case 4:
    mask.exactFamily = "union";
    return oneOf({"n < t or n <= m", "n <= m and (n < t or m - n < s)",
                  "n < t or m < t or abs(m - n) <= s"});
  case 5:
    mask.exactFamily = "residue";
    return oneOf({"(m - n) % by == 0", "(m - n) % by == t",
                  "n % by == 0 and n <= m",
                  "n <= m and (n + h + t) % by == 0"});
  case 6:
    mask.exactFamily = "residue in a window";
    return dilatedOnAnAxis("m", "n");
  case 7:
    mask.exactFamily = "residue or a window";
    return oneOf({"n <= m and ((m - n) % by == 0 or m - n < s)",
                  "n <= m and (n % by == t or m - n < s)",
                  "abs(m - n) < s or n % by == 0"});
  case 8:
    mask.exactFamily = "residue of blocks, per head";
    return "n <= m and (m // by - n // by < t or (n // by + h + t) % 3 == "
           "0)";
  default:
    mask.exactFamily = "power of two";
    return oneOf({"n <= m and (m // by - n // by < t or (m // by - n // by) & "
                  "(m // by - n // by - 1) == 0)",
                  "n <= m and (m - n) & (m - n - 1) == 0"});
  }
}

std::string MaskWriter::exactInABox() {
  bool isPlane = mask.rows == "Y, X";
  if (random() % 4 == 0) {
    mask.exactFamily = isPlane ? "circle" : "ball";
    return std::string(isPlane ? "" : "(z - o) * (z - o) + ") +
           "(y - u) * (y - u) + (x - w) * (x - w) < s * s";
  }
  mask.exactFamily = isPlane ? "box of two axes" : "box of three axes";
  auto axis = [&](const char *i, const char *j) {
    return random() % 4 ? exactOnAnAxis(i, j) : dilatedOnAnAxis(i, j);
  };
  std::string box = axis("y", "u") + " and " + axis("x", "w");
  return isPlane ? box : axis("z", "o") + " and " + box;
}

//===----------------------------------------------------------------------===//
// The spec around it, and calls
//===----------------------------------------------------------------------===//

RandomMask MaskWriter::finish() {
  std::string params =
      "(q: [B, H, " + mask.rows + ", D], k: [B, " + mask.keys +
      ", D], v: [B, " + mask.keys + ", E],\n    here: int[B, " + mask.rows +
      "], there: int[B, " + mask.keys + "], seen: bool[" + mask.keys +
      "],\n    table: int8[I, J], reach: int[H], length: int[B],\n"
      "    s: int, t: int, by: int)";
  std::string over = StringRef(mask.keys).lower(),
              rows = StringRef(mask.rows).lower();
  std::string score = oneOf({"sum[d](q * k)", "sum[d](q) + sum[d](k)"});
  std::string weight = oneOf({"softmax[" + over + "](score where p)",
                              "exp(tanh(score))", "sigmoid(score)"});
  std::string outputs = "out, mass: f32", steps;
  if (random() % 4 == 0) {
    outputs += ", received: f32";
    steps = "  received = sum[" + rows + "](weight where p)\n";
  }
  mask.text = "attention masked" + params + " -> " + outputs +
              "\n{\n  p = " + mask.condition + "\n  score = " + score +
              "\n  weight = " + weight + "\n  out = sum[" + over +
              "](weight * v where p)\n  mass = sum[" + over +
              "](weight where p)\n" + steps + "}\n\nattention pairs" + params +
              " -> pairs: f32\n{\n  pairs = if " + mask.condition +
              " then 1 else 0\n}\n";
  return mask;
}

CallSpec RandomMask::drawCall(std::mt19937_64 &random) const {
  CallSpec call;
  call.sizes = {
      {"B", 1 + random() % 2}, {"H", 1 + random() % 3}, {"D", 4}, {"E", 3},
      {"I", 1 + random() % 9}, {"J", 1 + random() % 9}};
  // Lengths around those of tiles, with tails, and now and then none.
  for (const char *dim : {"M", "N"})
    call.sizes[dim] = random() % 8 ? 1 + random() % 150 : random() % 3;
  unsigned mostOnAnAxis = rows == "Z, Y, X" ? 6 : 13;
  for (const char *dim : {"Z", "Y", "X", "O", "U", "W"})
    call.sizes[dim] = 1 + random() % mostOnAnAxis;
  call.scalars = {{"s", double(random() % 40) - 4},
                  {"t", double(random() % 12)},
                  {"by", double(1 + random() % 9)}};
  call.generators = {{"here", "sorted 3"},  {"there", "sorted 4"},
                     {"seen", "flags 0.5"}, {"table", "below 3"},
                     {"reach", "upto 40"},  {"length", "upto 150"},
                     {"q", "normal"},       {"k", "normal"}};
  if (random() % 3 == 0)
    call.generators["there"] = "below 3";
  if (rows != "M") {
    call.scalars["s"] = double(random() % 8) - 1;
    call.generators["reach"] = "upto 6";
    call.generators["length"] = "upto 13";
  }
  return call;
}

RandomMask attn::numerics::drawMask(std::mt19937_64 &random) {
  return MaskWriter(random).any();
}

RandomMask attn::numerics::drawExactMask(std::mt19937_64 &random) {
  return MaskWriter(random).exact();
}
