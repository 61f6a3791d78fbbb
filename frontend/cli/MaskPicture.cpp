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

/// The indices along \p wanted of the flat index \p flat of \p axis; 0 for what
/// is not one of its dimensions.
static llvm::SmallVector<int64_t>
indicesOf(const SampledAxis &axis, int64_t flat,
          llvm::ArrayRef<mlir::StringAttr> wanted) {
  llvm::SmallVector<int64_t> indices(wanted.size(), 0);
  for (size_t i = axis.dims.size(); i-- > 0; flat /= axis.extents[i])
    if (const mlir::StringAttr *dim = llvm::find(wanted, axis.dims[i]);
        dim != wanted.end())
      indices[dim - wanted.begin()] = flat % axis.extents[i];
  return indices;
}

/// "[M] of 1000".
static std::string axisText(const SampledAxis &axis) {
  int64_t extent = 1;
  for (int64_t size : axis.extents)
    extent *= size;
  return dimsText(axis.dims) + " of " + std::to_string(extent);
}

namespace {

class Painter {
public:
  Painter(const Domains &domains, const Domain &domain, VisitedTiles &tiles,
          const Call &call)
      : domains(domains), domain(domain), tiles(tiles), call(call) {
    picture.formula = domain.formula;
  }

  llvm::Expected<MaskPicture> drawPairs(unsigned maxCells);
  llvm::Expected<MaskPicture> drawPlane(unsigned maxCells);

private:
  int64_t extentOf(mlir::StringAttr dim) {
    return call.sizes().lookup(dim.getValue());
  }
  /// Fills the cells: what is true of the samples of \p rows and \p columns in
  /// each.
  llvm::Error fill(const Axis &rows, const Axis &columns, bool drawsTiles);

  const Domains &domains;
  const Domain &domain;
  VisitedTiles &tiles;
  const Call &call;
  MaskPicture picture;
};

} // namespace

llvm::Error Painter::fill(const Axis &rows, const Axis &columns,
                          bool drawsTiles) {
  auto exists = sampleDomain(domains.spec(), domain.value, rows.sampled,
                             columns.sampled, call.reference());
  if (!exists)
    return exists.takeError();
  auto visits = [&](size_t i, size_t j) {
    return tiles.visits(
        indicesOf(rows.sampled, rows.sampled.samples[i], tiles.laneDims()),
        indicesOf(columns.sampled, columns.sampled.samples[j],
                  tiles.keyDims()));
  };
  size_t width = columns.sampled.samples.size();
  for (unsigned row = 0; row < rows.cells(); ++row)
    for (unsigned column = 0; column < columns.cells(); ++column) {
      MaskPicture::Cell &cell = picture.cells.emplace_back();
      double sum = 0, number = 0;
      for (size_t i = rows.cellBegins[row]; i < rows.cellBegins[row + 1]; ++i)
        for (size_t j = columns.cellBegins[column];
             j < columns.cellBegins[column + 1]; ++j, ++number) {
          sum += (*exists)[i * width + j];
          cell.isVisited |= drawsTiles && !cell.isVisited && visits(i, j);
        }
      cell.share = float(sum / number);
    }
  return llvm::Error::success();
}

/// Queries by keys, each side flattened.
llvm::Expected<MaskPicture> Painter::drawPairs(unsigned maxCells) {
  Axis rows, columns;
  DimList fixedDims;
  // A mask that is the same for all queries (of keys that are padding, say) is
  // drawn over its other dimensions.
  auto isQuery = [&](mlir::StringAttr dim) {
    return !llvm::is_contained(domain.over, dim) &&
           llvm::is_contained(tiles.laneDims(), dim);
  };
  llvm::ArrayRef<mlir::StringAttr> dims = quantity(domain.value).getDims();
  bool hasQueries = llvm::any_of(dims, isQuery);
  for (mlir::StringAttr dim : dims) {
    if (llvm::is_contained(domain.over, dim))
      columns.add(dim, extentOf(dim));
    else if (!hasQueries || isQuery(dim) || extentOf(dim) == 0)
      rows.add(dim, extentOf(dim)); // without elements there is no first index
    else
      fixedDims.push_back(dim);
  }
  rows.divide(maxCells);
  columns.divide(maxCells);
  if (llvm::Error error = fill(rows, columns, hasQueries))
    return std::move(error);
  picture.rows = rows.cells();
  picture.columns = columns.cells();
  picture.caption = "rows " + axisText(rows.sampled) + ", columns " +
                    axisText(columns.sampled);
  if (!fixedDims.empty())
    picture.caption += ", at the first index of " + dimsText(fixedDims);
  return std::move(picture);
}

/// The keys of two dimensions, for one tile of queries.
llvm::Expected<MaskPicture> Painter::drawPlane(unsigned maxCells) {
  llvm::SmallVector<int64_t> middle;
  for (mlir::StringAttr dim : tiles.laneDims())
    middle.push_back(extentOf(dim) / 2);
  Axis queries, keys, down, across;
  std::string place;
  llvm::SmallVector<int64_t> flat{0};
  for (auto [dim, run] :
       llvm::zip_equal(tiles.laneDims(), tiles.tileOf(middle))) {
    queries.add(dim, extentOf(dim));
    llvm::SmallVector<int64_t> longer;
    for (int64_t outer : flat)
      for (int64_t at = run.first; at <= run.last; at += run.step)
        longer.push_back(outer * extentOf(dim) + at);
    flat = longer;
    place += (place.empty() ? "" : ", ") + dim.str() + " " +
             std::to_string(run.first) + ".." + std::to_string(run.last);
    if (run.step > 1)
      place += " by " + std::to_string(run.step);
  }
  queries.sampled.samples.assign(flat.begin(), flat.end());
  queries.cellBegins = {0, flat.size()};

  down.add(tiles.keyDims()[0], extentOf(tiles.keyDims()[0]));
  across.add(tiles.keyDims()[1], extentOf(tiles.keyDims()[1]));
  down.divide(maxCells);
  across.divide(maxCells);
  for (mlir::StringAttr dim : tiles.keyDims())
    keys.add(dim, extentOf(dim));
  for (unsigned row = 0; row < down.cells(); ++row)
    for (unsigned column = 0; column < across.cells(); ++column) {
      keys.cellBegins.push_back(keys.sampled.samples.size());
      for (size_t i = down.cellBegins[row]; i < down.cellBegins[row + 1]; ++i)
        for (size_t j = across.cellBegins[column];
             j < across.cellBegins[column + 1]; ++j)
          keys.sampled.samples.push_back(down.sampled.samples[i] *
                                             across.extent +
                                         across.sampled.samples[j]);
    }
  keys.cellBegins.push_back(keys.sampled.samples.size());
  if (llvm::Error error = fill(queries, keys, true))
    return std::move(error);
  picture.rows = down.cells();
  picture.columns = across.cells();
  picture.caption = "rows " + axisText(down.sampled) + ", columns " +
                    axisText(across.sampled) +
                    ", of the keys for the queries " + place;
  return std::move(picture);
}

llvm::Expected<MaskPicture>
attn::cli::drawMask(const Domains &domains, const Domain &domain,
                    VisitedTiles &tiles, const Call &call, unsigned maxCells) {
  Painter painter(domains, domain, tiles, call);
  llvm::ArrayRef<mlir::StringAttr> dims = quantity(domain.value).getDims();
  auto inMask = [&](mlir::StringAttr dim) {
    return llvm::is_contained(dims, dim) &&
           call.sizes().lookup(dim.getValue()) > 0;
  };
  bool isPlane = tiles.laneDims().size() == 2 && tiles.keyDims().size() == 2 &&
                 llvm::all_of(tiles.laneDims(), inMask) &&
                 llvm::all_of(tiles.keyDims(), inMask);
  return isPlane ? painter.drawPlane(maxCells) : painter.drawPairs(maxCells);
}

void MaskPicture::print(llvm::raw_ostream &out) const {
  out << "mask  " << formula << "\n  " << caption
      << "; # all, + some, . no pairs exist, o none but visited\n";
  for (unsigned row = 0; row < rows; ++row) {
    out << "  ";
    for (unsigned column = 0; column < columns; ++column) {
      const Cell &here = at(row, column);
      out << (here.share == 1  ? '#'
              : here.share > 0 ? '+'
              : here.isVisited ? 'o'
                               : '.');
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
  constexpr int side = 480, top = 56, left = 16;
  std::string text;
  llvm::raw_string_ostream out(text);
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << side + 2 * left
      << "\" height=\"" << side + top + left
      << "\" font-family=\"sans-serif\">\n"
      << "<text x=\"" << left << "\" y=\"24\" font-size=\"15\">"
      << escape(formula) << "</text>\n"
      << "<text x=\"" << left << "\" y=\"44\" font-size=\"12\" fill=\"#555\">"
      << escape(caption) << "</text>\n"
      << "<rect x=\"" << left << "\" y=\"" << top << "\" width=\"" << side
      << "\" height=\"" << side << "\" fill=\"#f4f4f4\" stroke=\"#999\"/>\n";
  auto length = [](unsigned part, unsigned whole) {
    return double(side) * part / whole;
  };
  // A run of equal cells is one rectangle; visited tiles lie below the pairs.
  auto paint = [&](unsigned row, unsigned column, unsigned end,
                   llvm::StringRef fill, double opacity) {
    out << llvm::format("<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
                        "height=\"%.2f\" fill=\"%s\" "
                        "fill-opacity=\"%.2f\"/>\n",
                        left + length(column, columns), top + length(row, rows),
                        length(end - column, columns), length(1, rows),
                        fill.data(), opacity);
  };
  for (unsigned row = 0; row < rows; ++row)
    for (unsigned column = 0, end; column < columns; column = end) {
      const Cell &here = at(row, column);
      for (end = column + 1; end < columns && at(row, end) == here;)
        ++end;
      if (here.isVisited)
        paint(row, column, end, "#e8a33d", 0.45);
      if (here.share > 0)
        paint(row, column, end, "#1f5fa8",
              here.share == 1 ? 1.0 : 0.2 + 0.6 * double(here.share));
    }
  out << "</svg>\n";
  return text;
}
