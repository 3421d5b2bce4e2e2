#include "metrics/page.hpp"

#include <prometheus/text_serializer.h>

#include "metrics/families.hpp"

namespace starling::metrics {

std::string page(const Snapshot& snapshot) {
  FamilyList list;
  add_decisions(snapshot, list);
  add_front_ends(snapshot, list);
  add_peers(snapshot, list);
  add_gossip(snapshot, list);
  add_node(snapshot, list);
  add_process(snapshot, list);
  return prometheus::TextSerializer().Serialize(list.families());
}

}  // namespace starling::metrics
