/// The examples of the three projects' documentation, each with the native file beside it that it comes to.
///
/// `STARLING_WRITE_EXAMPLES=1 build/tests/unit/unit_import -ts=import.examples` writes these files anew; read
/// the difference before it is committed.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "imported_rules.hpp"

namespace starling {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  CAPTURE(path);
  REQUIRE(file.good());
  return text.str();
}

void check_example(ImportFrom from, const std::string& name) {
  CAPTURE(name);
  const std::string path = std::string(IMPORT_EXAMPLES) + "/" + name;
  const Imported imported = import_good(from, read(path + ".yaml"));
  const std::string native = native_file(imported, from, name + ".yaml");
  if (std::getenv("STARLING_WRITE_EXAMPLES") != nullptr) std::ofstream(path + ".native.yaml") << native;
  CHECK(native == read(path + ".native.yaml"));
}

}  // namespace

TEST_SUITE("import.examples") {
  TEST_CASE("the examples of Envoy's service come to what stands beside them") {
    for (const char* name : {"envoy-values", "envoy-nested", "envoy-order", "envoy-unlimited", "envoy-shadow",
                             "envoy-replaces", "envoy-metrics", "envoy-wildcard"})
      check_example(ImportFrom::envoy, name);
  }

  TEST_CASE("Spinnaker's runbook comes to what stands beside it, in both spellings") {
    for (const char* name : {"spinnaker-runbook", "spinnaker-kebab"})
      check_example(ImportFrom::spinnaker, name);
  }

  TEST_CASE("the examples of Kong's plugins come to what stands beside them") {
    for (const char* name : {"kong-global", "kong-nested", "kong-advanced", "kong-kubernetes"})
      check_example(ImportFrom::kong, name);
  }
}

}  // namespace starling
