//===- Main.h - attnc as a function -----------------------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_MAIN_H
#define ATTN_FRONTEND_CLI_MAIN_H

namespace attn::cli {

/// Returns the exit status of the process.
int main(int argc, char **argv);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_MAIN_H
