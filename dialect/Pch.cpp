#include "dialect/Pch.h"
