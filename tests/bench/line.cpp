#include <cstdio>

int main() {
  return std::puts("one line") < 0;
}
