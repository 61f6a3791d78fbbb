//===- Picture.h - Where tokens look, as an SVG -----------------*- C++ -*-===//

#ifndef ATTN_EXAMPLES_MINILM_PICTURE_H
#define ATTN_EXAMPLES_MINILM_PICTURE_H

#include <ostream>
#include <string>
#include <vector>

/// Draws \p weights (row-major, one row a query) as a grid whose rows and
/// columns are labelled with \p tokens; the darker, the larger the weight.
void drawWeights(std::ostream &svg, const std::string &title,
                 const std::vector<std::string> &tokens,
                 const std::vector<float> &weights);

#endif // ATTN_EXAMPLES_MINILM_PICTURE_H
