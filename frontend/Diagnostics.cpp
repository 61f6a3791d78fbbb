//===- Diagnostics.cpp - Errors and warnings about a spec -----------------===//

#include "frontend/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace attn;
using llvm::StringRef;

Diagnostics::Diagnostics(StringRef text, StringRef fileName) : name(fileName) {
  text.consume_front("\xEF\xBB\xBF");
  buffer = sources.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBufferCopy(text, fileName), llvm::SMLoc());
}

StringRef Diagnostics::text() const {
  return sources.getMemoryBuffer(buffer)->getBuffer();
}

Report &Diagnostics::error(Place place, const llvm::Twine &message) {
  return add(/*isError=*/true, place, message);
}

Report &Diagnostics::warning(Place place, const llvm::Twine &message) {
  return add(/*isError=*/false, place, message);
}

Report &Diagnostics::add(bool isError, Place place,
                         const llvm::Twine &message) {
  std::string text = message.str();
  size_t &count = isError ? numErrors : numWarnings;
  bool isNew = count < limit && seen.insert({place.caret, text}).second;
  if (isNew || count >= limit)
    ++count;
  if (!isNew) {
    dropped = Report();
    return dropped;
  }
  Report &report = reports.emplace_back();
  report.isError = isError;
  report.main = {place, std::move(text)};
  return report;
}

std::pair<unsigned, unsigned> Diagnostics::lineAndColumn(Place place) const {
  return sources.getLineAndColumn(llvm::SMLoc::getFromPointer(place.caret),
                                  buffer);
}

namespace {

/// At most this many bytes of a line are shown, around the caret.
constexpr size_t shownBytes = 160;

bool isContinuationByte(char c) { return (c & 0xC0) == 0x80; }

/// The part of the line around \p place that is shown. It starts and ends
/// between characters.
StringRef shownLine(StringRef text, Place place) {
  size_t caret = place.caret - text.begin();
  size_t begin = text.rfind('\n', caret);
  begin = caret == 0 || begin == StringRef::npos ? 0 : begin + 1;
  // A caret on the line break itself belongs to the line that it ends.
  if (begin > caret)
    begin = text.rfind('\n', caret - 1) + 1;
  size_t end = std::min(text.find('\n', caret), text.size());
  if (end - begin > shownBytes) {
    begin = std::max(begin, caret - std::min(caret, shownBytes / 2));
    end = std::min(end, begin + shownBytes);
    while (begin < caret && isContinuationByte(text[begin]))
      ++begin;
    while (end > caret && end < text.size() && isContinuationByte(text[end]))
      --end;
  }
  return text.slice(begin, end).rtrim('\r');
}

} // namespace

void Diagnostics::print(llvm::raw_ostream &os, StringRef severity,
                        const Report::Message &message) const {
  auto [line, column] = lineAndColumn(message.place);
  os << name << ":" << line << ":" << column << ": " << severity << ": "
     << message.text << "\n";

  StringRef shown = shownLine(text(), message.place);
  std::string marks;
  os << "  ";
  for (const char &c : shown) {
    // A terminal gets no control characters; tabs keep their width.
    os << (c == '\t' || !llvm::isASCII(c) || llvm::isPrint(c) ? c : '?');
    if (isContinuationByte(c))
      continue;
    bool isMarked = &c >= message.place.begin && &c < message.place.end;
    marks += &c == message.place.caret ? '^'
             : isMarked                ? '~'
             : c == '\t'               ? '\t'
                                       : ' ';
  }
  if (message.place.caret >= shown.end())
    marks += '^';
  os << "\n  " << StringRef(marks).rtrim() << "\n";
}

void Diagnostics::print(llvm::raw_ostream &os) const {
  std::vector<std::pair<const char *, size_t>> order;
  for (auto [i, report] : llvm::enumerate(reports))
    order.push_back({report.main.place.caret, i});
  llvm::sort(order);
  for (auto [caret, i] : order) {
    const Report &report = reports[i];
    print(os, report.isError ? "error" : "warning", report.main);
    for (const Report::Message &note : report.notes)
      print(os, "note", note);
  }
  if (numErrors > limit || numWarnings > limit)
    os << name << ": note: only the first " << limit << " errors and " << limit
       << " warnings are shown\n";
}

std::string attn::didYouMean(StringRef name,
                             llvm::ArrayRef<StringRef> candidates) {
  // A third of the letters may differ, as in clang.
  unsigned best = (name.size() + 2) / 3 + 1;
  StringRef nearest;
  for (StringRef candidate : candidates) {
    if (name == candidate)
      continue;
    unsigned distance = name.equals_insensitive(candidate)
                            ? 0
                            : name.edit_distance(candidate, true, best);
    // Of a short name, nothing would be left.
    if (distance < best && distance < std::max<size_t>(name.size(), 1)) {
      best = distance;
      nearest = candidate;
    }
  }
  if (nearest.empty())
    return "";
  return ("; did you mean '" + nearest + "'?").str();
}
