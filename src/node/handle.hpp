/// libuv handles with one owner.
///
/// Initialise into a plain `unique_ptr`, adopt into `Handle` on success. Destroying a `Handle` closes it; the
/// memory is freed by the close callback, one loop iteration later. `data` is cleared at once, so a callback
/// that still comes finds no dead owner.
#pragma once

#include <uv.h>

#include <memory>

namespace starling {

struct CloseDeleter {
  template <class H>
  void operator()(H* handle) const noexcept {
    auto* base = reinterpret_cast<uv_handle_t*>(handle);
    base->data = nullptr;
    uv_close(base, [](uv_handle_t* closed) { delete reinterpret_cast<H*>(closed); });
  }
};

template <class H>
using Handle = std::unique_ptr<H, CloseDeleter>;

/// Takes over a handle that `uv_*_init` has accepted.
template <class H>
Handle<H> adopt(std::unique_ptr<H> initialised, void* owner) {
  initialised->data = owner;
  return Handle<H>(initialised.release());
}

}  // namespace starling
