/// Counts the allocations of the whole test program. To be included by one file of it: it replaces the global
/// operators, which else do what they always do.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {
std::size_t allocations_count = 0;
}  // namespace

void* operator new(std::size_t size) {
  ++allocations_count;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {  // else sanitizers see two allocators
  ++allocations_count;
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
