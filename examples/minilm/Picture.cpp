//===- Picture.cpp - Where tokens look, as an SVG -------------------------===//

#include "Picture.h"

#include <algorithm>
#include <cmath>

static std::string escaped(const std::string &text) {
  std::string result;
  for (char c : text)
    switch (c) {
    case '&':
      result += "&amp;";
      break;
    case '<':
      result += "&lt;";
      break;
    case '>':
      result += "&gt;";
      break;
    default:
      result += c;
    }
  return result;
}

void drawWeights(std::ostream &svg, const std::string &title,
                 const std::vector<std::string> &tokens,
                 const std::vector<float> &weights) {
  const int cell = 20, label = 90, head = 34;
  int count = int(tokens.size()), side = count * cell;
  int left = label, top = head + label;
  svg << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\""
      << left + side + 10 << "\" height=\"" << top + side + 10
      << "\" font-family=\"sans-serif\" font-size=\"12\">\n"
      << "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
      << "<text x=\"10\" y=\"20\" font-size=\"14\">" << escaped(title)
      << "</text>\n";
  for (int i = 0; i < count; ++i) {
    int middle = i * cell + cell / 2;
    svg << "<text x=\"" << left - 6 << "\" y=\"" << top + middle + 4
        << "\" text-anchor=\"end\">" << escaped(tokens[i]) << "</text>\n"
        << "<text transform=\"translate(" << left + middle + 4 << "," << top - 6
        << ") rotate(-90)\">" << escaped(tokens[i]) << "</text>\n";
  }
  // The square root shows small weights; a row sums to 1.
  float largest = *std::max_element(weights.begin(), weights.end());
  for (int m = 0; m < count; ++m)
    for (int n = 0; n < count; ++n) {
      float weight = weights[size_t(m) * count + n];
      svg << "<rect x=\"" << left + n * cell << "\" y=\"" << top + m * cell
          << "\" width=\"" << cell << "\" height=\"" << cell
          << "\" fill=\"#1f3a93\" stroke=\"#eeeeee\" fill-opacity=\""
          << std::sqrt(weight / largest) << "\"><title>" << escaped(tokens[m])
          << " looks at " << escaped(tokens[n]) << ": " << weight
          << "</title></rect>\n";
    }
  svg << "</svg>\n";
}
