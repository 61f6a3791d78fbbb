//===- attnc.cpp - The attention compiler ---------------------------------===//

#include "frontend/cli/Main.h"

int main(int argc, char **argv) { return attn::cli::main(argc, argv); }
