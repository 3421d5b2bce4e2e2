/// Who may change the configuration: a file that anybody on the machine can write sets every limit. Likewise
/// the keys: where anybody can put another key file, anybody takes part in gossip, or breaks the cluster.
///
/// Looked at is the file that is read in the end, not the links to it, which have no mode of their own, and
/// the directories in which another could be put in its place: those of the path and of the file. In a
/// directory with the sticky bit (/tmp) others can add a file but not replace one, so that matters only where
/// every file counts. On what is mounted read-only, such as a ConfigMap, whose directory has mode 0777,
/// nobody writes.
#pragma once

#include <string>
#include <vector>

namespace starling {

/// A line for each place, to be told to people; none if all is well or nothing is there.
std::vector<std::string> writable_by_all(const std::string& config_path);
/// The same for the directories of a file with a secret; its own mode is for who reads it to look at.
std::vector<std::string> replaceable_by_all(const std::string& secret_path);

}  // namespace starling
