// Other projects' configuration. The first byte says whose it is. It is refused with errors, or becomes a
// rules file that this version reads, with as many rules as were found.
#include <string>

#include "import/import.hpp"
#include "limiter/config_file.hpp"
#include "target.hpp"

using namespace starling;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count) {
  if (bytes_count == 0) return 0;
  const auto from = static_cast<ImportFrom>(data[0] % import_from_names.size());
  const std::string text(fuzz::text_of(data + 1, bytes_count - 1));
  const auto imported = import_rules(from, text);
  if (!imported) {
    REQUIRE_THAT(!imported.error().empty());
    return 0;
  }
  const std::string native = native_file(*imported, from, "f.yaml");
  const auto file = parse_config(native, "rules.yaml");
  if (!file) {
    for (const ConfigError& error : file.error()) std::fprintf(stderr, "%s\n", error.to_string().c_str());
    std::fprintf(stderr, "%s\n", native.c_str());
  }
  REQUIRE_THAT(file.has_value());
  REQUIRE_THAT(file->rules.rules.size() == imported->rules.rules.size());
  return 0;
}
