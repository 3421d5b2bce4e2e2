#include "http/head_scanner.hpp"

#include <doctest/doctest.h>

#include <string>

using starling::http::HeadScanner;
using Found = HeadScanner::Found;

TEST_SUITE("http.head_scanner") {
  TEST_CASE("a head ends with its first blank line") {
    HeadScanner scanner;
    const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    CHECK(scanner.scan(head + "GET /next") == Found::head);
    CHECK(scanner.head_bytes() == head.size());
    CHECK(scanner.first_line_bytes() == 16);
  }

  TEST_CASE("cuts at every byte change nothing") {
    const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    HeadScanner scanner;
    for (std::size_t bytes = 0; bytes < head.size(); ++bytes) {
      CHECK(scanner.scan(head.substr(0, bytes)) == Found::nothing_yet);
      CHECK(scanner.first_line_bytes() == (bytes >= 16 ? 16 : 0));
    }
    CHECK(scanner.scan(head) == Found::head);
  }

  TEST_CASE("line ends other than CRLF, folds and control characters are errors") {
    for (const std::string& bad :
         {std::string("GET / HTTP/1.1\n"), std::string("\n"), std::string("GET /\rx"),
          std::string("a\r\n b: c\r\n"), std::string("a\r\nb: c\r\n\td"), std::string("a\0", 2),
          std::string("a\x7f"), std::string("a\r\nb: \x01")}) {
      CAPTURE(bad);
      HeadScanner scanner;
      CHECK(scanner.scan(bad) == Found::error);
      CHECK(!scanner.error().empty());
      CHECK(scanner.scan(bad + "\r\n\r\n") == Found::error);  // it stays one
    }
  }

  TEST_CASE("every byte is judged alike, wherever it stands") {
    for (int value = 0; value < 256; ++value) {
      const char c = static_cast<char>(value);
      if (c == '\r') continue;
      const bool control = (value < ' ' && c != '\t') || value == 0x7f;
      for (std::size_t at = 1; at < 40; ++at) {
        std::string head = "GET /23456789012345678901234567890123456789 HTTP/1.1\r\n\r\n";
        head[at] = c;
        head[at / 2] = at % 2 == 0 ? '\t' : '\xff';  // in the same word or before it
        CAPTURE(value);
        CAPTURE(at);
        HeadScanner scanner;
        CHECK(scanner.scan(head) == (control ? Found::error : Found::head));
      }
    }
  }

  TEST_CASE("tabs within a line and bytes beyond ASCII pass") {
    HeadScanner scanner;
    CHECK(scanner.scan("GET /\xc3\xa9 HTTP/1.1\r\nA: b\tc\r\n\r\n") == Found::head);
  }
}
