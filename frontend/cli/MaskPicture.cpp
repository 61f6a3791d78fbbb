//===- MaskPicture.cpp - What a mask looks like ---------------------------===//

#include "frontend/cli/MaskPicture.h"
#include "frontend/cli/FormulaText.h"
#include "frontend/cli/SampledDomain.h"

#include "llvm/Support/Format.h"

using namespace attn;
using namespace attn::cli;

namespace {

/// One side of the picture: a grid of cells over flattened dimensions, with the
/// samples that stand for each cell.
struct Axis {
  SampledAxis sampled;
  int64_t extent = 1;
  std::vector<size_t> cellBegins; // in the samples; one more than cells

  void add(mlir::StringAttr dim, int64_t size) {
    sampled.dims.push_back(dim);
    sampled.extents.push_back(size);
    extent *= size;
  }
  unsigned cells() const { return unsigned(cellBegins.size()) - 1; }

  /// Up to four samples a cell, evenly apart, its ends included.
  void divide(unsigned maxCells) {
    int64_t number = std::min<int64_t>(extent, maxCells);
    for (int64_t cell = 0; cell < number; ++cell) {
      int64_t begin = extent * cell / number;
      int64_t length = extent * (cell + 1) / number - begin;
      int64_t samples = std::min<int64_t>(length, 4);
      cellBegins.push_back(sampled.samples.size());
      for (int64_t i = 0; i < samples; ++i)
        sampled.samples.push_back(
            begin + (samples == 1 ? 0 : i * (length - 1) / (samples - 1)));
    }
    cellBegins.push_back(sampled.samples.size());
  }
};

} // namespace

llvm::Expected<MaskPicture>
attn::cli::drawMask(const Domains &domains, const Domain &domain,
                    llvm::ArrayRef<mlir::StringAttr> lanes, const Call &call,
                    unsigned maxCells) {
  MaskPicture picture;
  picture.formula = domain.formula;
  Axis rows, columns;
  // A mask that is the same for all queries (of keys that are padding, say) is
  // drawn over its other dimensions.
  auto isQuery = [&](mlir::StringAttr dim) {
    return !llvm::is_contained(domain.over, dim) &&
           llvm::is_contained(lanes, dim);
  };
  llvm::ArrayRef<mlir::StringAttr> dims = quantity(domain.value).getDims();
  bool hasQueries = llvm::any_of(dims, isQuery);
  for (mlir::StringAttr dim : dims) {
    int64_t extent = call.sizes().lookup(dim.getValue());
    if (llvm::is_contained(domain.over, dim))
      columns.add(dim, extent);
    else if (!hasQueries || isQuery(dim) || extent == 0)
      rows.add(dim, extent); // without elements there is no first index
    else
      picture.fixedDims.push_back(dim);
  }
  rows.divide(maxCells);
  columns.divide(maxCells);
  auto exists = sampleDomain(domains.spec(), domain.value, rows.sampled,
                             columns.sampled, call.reference());
  if (!exists)
    return exists.takeError();

  size_t width = columns.sampled.samples.size();
  for (unsigned row = 0; row < rows.cells(); ++row)
    for (unsigned column = 0; column < columns.cells(); ++column) {
      double sum = 0, number = 0;
      for (size_t i = rows.cellBegins[row]; i < rows.cellBegins[row + 1]; ++i)
        for (size_t j = columns.cellBegins[column];
             j < columns.cellBegins[column + 1]; ++j, ++number)
          sum += (*exists)[i * width + j];
      picture.share.push_back(float(sum / number));
    }
  picture.rowDims = rows.sampled.dims;
  picture.columnDims = columns.sampled.dims;
  picture.rowExtent = rows.extent;
  picture.columnExtent = columns.extent;
  picture.rows = rows.cells();
  picture.columns = columns.cells();
  return picture;
}

/// "rows: M (0 .. 999), columns: N (0 .. 999), at the first of [B, H]".
static std::string caption(const MaskPicture &picture) {
  auto axis = [](llvm::ArrayRef<mlir::StringAttr> dims, int64_t extent) {
    return dimsText(dims) + " of " + std::to_string(extent);
  };
  std::string text = "rows " + axis(picture.rowDims, picture.rowExtent) +
                     ", columns " +
                     axis(picture.columnDims, picture.columnExtent);
  if (!picture.fixedDims.empty())
    text += ", at the first index of " + dimsText(picture.fixedDims);
  return text;
}

void MaskPicture::print(llvm::raw_ostream &out) const {
  out << "mask  " << formula << "\n  " << caption(*this)
      << "; # all, + some, . no pairs exist\n";
  for (unsigned row = 0; row < rows; ++row) {
    out << "  ";
    for (unsigned column = 0; column < columns; ++column) {
      float here = at(row, column);
      out << (here == 1 ? '#' : here == 0 ? '.' : '+');
    }
    out << '\n';
  }
}

static std::string escape(llvm::StringRef text) {
  std::string escaped;
  for (char c : text)
    escaped += c == '&'   ? "&amp;"
               : c == '<' ? "&lt;"
               : c == '>' ? "&gt;"
                          : std::string(1, c);
  return escaped;
}

std::string MaskPicture::svg() const {
  constexpr double side = 480, top = 56, left = 16;
  std::string text;
  llvm::raw_string_ostream out(text);
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << side + 2 * left
      << "\" height=\"" << side + top + left
      << "\" font-family=\"sans-serif\">\n"
      << "<text x=\"" << left << "\" y=\"24\" font-size=\"15\">"
      << escape(formula) << "</text>\n"
      << "<text x=\"" << left << "\" y=\"44\" font-size=\"12\" fill=\"#555\">"
      << escape(caption(*this)) << "</text>\n"
      << "<rect x=\"" << left << "\" y=\"" << top << "\" width=\"" << side
      << "\" height=\"" << side << "\" fill=\"#f4f4f4\" stroke=\"#999\"/>\n";
  // A run of equal cells is one rectangle.
  for (unsigned row = 0; row < rows; ++row)
    for (unsigned column = 0, end; column < columns; column = end) {
      for (end = column + 1; end < columns && at(row, end) == at(row, column);)
        ++end;
      if (at(row, column) == 0)
        continue;
      out << llvm::format(
          "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
          "height=\"%.2f\" fill=\"#1f5fa8\" "
          "fill-opacity=\"%.2f\"/>\n",
          left + side * column / columns, top + side * row / rows,
          side * (end - column) / columns, side / rows,
          at(row, column) == 1 ? 1.0 : 0.2 + 0.6 * double(at(row, column)));
    }
  out << "</svg>\n";
  return text;
}
