//===- Diagnostics.h - Errors and warnings about a spec ---------*- C++ -*-===//
//
// Every message names a place, shows its line with a caret, and may carry notes
// about the other places that matter. Reports are collected and printed in the
// order of the text, so that the phases of the frontend need not agree on one.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_FRONTEND_DIAGNOSTICS_H
#define ATTN_FRONTEND_DIAGNOSTICS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/SourceMgr.h"

#include <deque>
#include <set>
#include <string>
#include <vector>

namespace attn {

/// A stretch of the source text, and the position in it that a caret marks.
struct Place {
  const char *caret = nullptr;
  const char *begin = nullptr;
  const char *end = nullptr;

  Place() = default;
  explicit Place(llvm::StringRef text)
      : caret(text.begin()), begin(text.begin()), end(text.end()) {}
  Place(const char *caret, Place from, Place to)
      : caret(caret), begin(from.begin), end(to.end) {}

  llvm::StringRef text() const { return {begin, size_t(end - begin)}; }
};

/// One error or warning with its notes.
class Report {
public:
  Report &note(Place place, const llvm::Twine &message) {
    notes.push_back({place, message.str()});
    return *this;
  }

private:
  friend class Diagnostics;
  struct Message {
    Place place;
    std::string text;
  };
  bool isError = false;
  Message main;
  std::vector<Message> notes;
};

/// The reports about one source text.
class Diagnostics {
public:
  /// Keeps a copy of \p text, without the mark of UTF-8 that some editors
  /// begin files with; places point into it.
  Diagnostics(llvm::StringRef text, llvm::StringRef fileName);

  llvm::StringRef text() const;

  /// A report that repeats an earlier one (an inline function is checked at
  /// each call) is not kept, nor are many of one severity.
  Report &error(Place place, const llvm::Twine &message);
  Report &warning(Place place, const llvm::Twine &message);

  bool hasErrors() const { return numErrors != 0; }
  /// Says whether further reports are dropped, so that nobody need prepare one.
  bool isFull() const { return numErrors >= limit; }

  void print(llvm::raw_ostream &os) const;

  /// Line and column of \p place, from 1.
  std::pair<unsigned, unsigned> lineAndColumn(Place place) const;
  llvm::StringRef fileName() const { return name; }

private:
  static constexpr size_t limit = 50;

  Report &add(bool isError, Place place, const llvm::Twine &message);
  void print(llvm::raw_ostream &os, llvm::StringRef severity,
             const Report::Message &message) const;

  llvm::SourceMgr sources;
  unsigned buffer;
  std::string name;
  std::deque<Report> reports;
  Report dropped;
  std::set<std::pair<const char *, std::string>> seen;
  size_t numErrors = 0, numWarnings = 0;
};

/// "; did you mean 'score'?" for the candidate nearest to \p name, or "" when
/// none is near.
std::string didYouMean(llvm::StringRef name,
                       llvm::ArrayRef<llvm::StringRef> candidates);

} // namespace attn

#endif // ATTN_FRONTEND_DIAGNOSTICS_H
