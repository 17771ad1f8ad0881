#include "runtime/pickle.h"

#include <algorithm>
#include <cstdio>
#include <unordered_map>
#include <utility>

#include "runtime/error.h"

namespace cigli {
namespace {

using Kind = PickleValue::Kind;

constexpr std::size_t kMostValues = std::size_t{1} << 22;
constexpr std::uint64_t kNewestProtocol = 5;

struct Counted {  // an opcode of a text or of bytes with their length in front
  std::uint64_t code;
  Kind kind;
  std::size_t length;  // bytes of the length
};
const Counted kCounted[] = {{'U', Kind::text, 1},  {0x8c, Kind::text, 1}, {'T', Kind::text, 4},
                            {'X', Kind::text, 4},  {0x8d, Kind::text, 8}, {'C', Kind::other, 1},
                            {'B', Kind::other, 4}, {0x8e, Kind::other, 8}};

constexpr std::string_view kOrdered = "collections.OrderedDict";

// The stack machine of Python's pickletools, less all that could run code.
class Machine {
 public:
  Machine(std::string_view bytes, const std::vector<std::string_view>& globals, const std::string& name)
      : bytes_(bytes), globals_(globals), name_(name) {}

  Pickle run() {
    for (std::uint64_t code = number(1); code != '.'; code = number(1)) {
      if (literal(code) || container(code) || bookkeeping(code) || object(code)) continue;
      char text[32];
      std::snprintf(text, sizeof text, "0x%02x", static_cast<unsigned>(code));
      fail(std::string("refused: pickle opcode ") + text + " at byte " + std::to_string(at_ - 1) +
           " of the pickle, expected one that tensors and plain containers need");
    }
    pickle_.root = pop();
    pickle_.size = at_;
    return std::move(pickle_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw Error(name_ + ": " + what); }
  [[noreturn]] void damaged(const std::string& what) const {
    fail("damaged pickle: " + what + " before its byte " + std::to_string(at_));
  }

  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size() - at_) fail("truncated: it ends inside a pickle");
    const std::string_view piece = bytes_.substr(at_, size);
    at_ += size;
    return piece;
  }
  std::string_view take_line() {
    const std::string_view line = take(std::min(bytes_.find('\n', at_), bytes_.size()) - at_);
    take(1);
    return line;
  }
  std::uint64_t number(std::size_t size) {  // little endian
    const std::string_view piece = take(size);
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(piece[i]);
    return value;
  }

  void push(Kind kind, std::int64_t number = 0, std::string_view text = {}, std::vector<std::uint32_t> items = {}) {
    if (pickle_.values.size() == kMostValues)
      fail("a pickle of more than " + std::to_string(kMostValues) + " values, which is more than is read");
    stack_.push_back(static_cast<std::uint32_t>(pickle_.values.size()));
    pickle_.values.push_back({kind, number, text, std::move(items)});
  }
  std::uint32_t top() const {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) damaged("nothing on the stack");
    return stack_.back();
  }
  std::uint32_t pop() {
    const std::uint32_t place = top();
    stack_.pop_back();
    return place;
  }
  std::vector<std::uint32_t> pop(std::size_t count) {
    std::vector<std::uint32_t> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    return items;
  }
  std::vector<std::uint32_t> pop_to_mark() {
    if (marks_.empty()) damaged("no mark on the stack");
    std::vector<std::uint32_t> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  PickleValue& value(std::uint32_t place) { return pickle_.values[place]; }

  bool literal(std::uint64_t code) {
    for (const Counted& counted : kCounted)
      if (counted.code == code) return push(counted.kind, 0, take(number(counted.length))), true;
    switch (code) {
      case 'N':
        return push(Kind::none), true;
      case 0x88:
      case 0x89:
        return push(Kind::boolean, code == 0x88 ? 1 : 0), true;
      case 'K':
        return push(Kind::whole, static_cast<std::int64_t>(number(1))), true;
      case 'M':
        return push(Kind::whole, static_cast<std::int64_t>(number(2))), true;
      case 'J':
        return push_signed(4), true;
      case 0x8a:
        return push_signed(number(1)), true;
      case 0x8b:
        return push_signed(number(4)), true;
      case 'G':
        return push(Kind::other, 0, take(8)), true;
      default:
        return false;
    }
  }

  void push_signed(std::uint64_t size) {
    const std::string_view piece = take(size);
    if (size > 8) return push(Kind::other, 0, piece);
    const bool negative = !piece.empty() && static_cast<std::uint8_t>(piece.back()) >= 0x80;
    std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
    for (std::size_t i = piece.size(); i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(piece[i]);
    push(Kind::whole, static_cast<std::int64_t>(value));
  }

  bool container(std::uint64_t code) {
    switch (code) {
      case ']':
        return push(Kind::list), true;
      case '}':
        return push(Kind::dictionary), true;
      case ')':
        return push(Kind::tuple), true;
      case 't':
        return push(Kind::tuple, 0, {}, pop_to_mark()), true;
      case 0x85:
      case 0x86:
      case 0x87:
        return push(Kind::tuple, 0, {}, pop(code - 0x84)), true;
      case 'a':
        return extend(Kind::list, pop(1)), true;
      case 'e':
        return extend(Kind::list, pop_to_mark()), true;
      case 's':
        return extend(Kind::dictionary, pop(2)), true;
      case 'u':
        return extend(Kind::dictionary, pop_to_mark()), true;
      default:
        return false;
    }
  }

  void extend(Kind kind, const std::vector<std::uint32_t>& items) {
    PickleValue& target = value(top());
    if (target.kind != kind) damaged(kind == Kind::list ? "no list to append to" : "no dictionary to put items in");
    if (kind == Kind::dictionary && items.size() % 2 != 0) damaged("a key without value");
    target.items.insert(target.items.end(), items.begin(), items.end());
  }

  bool bookkeeping(std::uint64_t code) {
    switch (code) {
      case 0x80:
        return check_protocol(number(1)), true;
      case 0x95:
        return check_frame(number(8)), true;
      case '(':
        return marks_.push_back(stack_.size()), true;
      case '0':
        return pop(), true;
      case '1':
        return pop_to_mark(), true;
      case 'q':
        return remember(number(1)), true;
      case 'r':
        return remember(number(4)), true;
      case 0x94:
        return remember(memo_.size()), true;
      case 'h':
        return recall(number(1)), true;
      case 'j':
        return recall(number(4)), true;
      default:
        return false;
    }
  }

  void check_protocol(std::uint64_t version) const {
    if (version < 2 || version > kNewestProtocol)
      fail("pickle protocol " + std::to_string(version) + ", expected 2 to " + std::to_string(kNewestProtocol));
  }
  void check_frame(std::uint64_t size) const {
    if (size > bytes_.size() - at_) fail("truncated: it ends inside a pickle");
  }
  void remember(std::uint64_t key) { memo_[key] = top(); }
  void recall(std::uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) damaged("memo " + std::to_string(key) + " is empty");
    stack_.push_back(found->second);
  }

  bool object(std::uint64_t code) {
    switch (code) {
      case 'c':
        return push_global(), true;
      case 0x93:
        return push_stack_global(), true;
      case 'R':
        return call(), true;
      case 'b':
        return set_state(), true;
      case 'Q':
        return push(Kind::persistent, 0, {}, pop(1)), true;
      default:
        return false;
    }
  }

  void push_global() {
    const std::string_view module = take_line(), member = take_line();
    push_global(module, member);
  }
  void push_stack_global() {
    const std::vector<std::uint32_t> names = pop(2);
    if (value(names[0]).kind != Kind::text || value(names[1]).kind != Kind::text) damaged("a global without name");
    push_global(value(names[0]).text, value(names[1]).text);
  }
  void push_global(std::string_view module, std::string_view member) {
    for (const std::string_view allowed : globals_) {
      const std::size_t dot = allowed.rfind('.');
      if (allowed.substr(0, dot) == module && allowed.substr(dot + 1) == member) return push(Kind::global, 0, allowed);
    }
    fail("refused: global " + printable(module) + "." + printable(member) +
         ", expected only what tensors and plain containers need");
  }

  void call() {
    const std::uint32_t arguments = pop(), callee = pop();
    if (value(callee).kind != Kind::global || value(arguments).kind != Kind::tuple)
      damaged("a call of no global or without a tuple of arguments");
    const std::string_view called = value(callee).text;
    if (called == kOrdered) {
      push(Kind::dictionary, 0, called, pairs_of(value(arguments).items));
    } else {
      push(Kind::call, 0, called, {arguments});
    }
  }

  // Python 2 hands an OrderedDict its items as a list of pairs.
  std::vector<std::uint32_t> pairs_of(const std::vector<std::uint32_t>& arguments) {
    std::vector<std::uint32_t> items;
    if (arguments.empty()) return items;
    const PickleValue& list = value(arguments[0]);
    if (arguments.size() > 1 || list.kind != Kind::list) damaged("an OrderedDict of no list of pairs");
    copied_ += list.items.size();  // one list behind many dictionaries would multiply
    if (copied_ > bytes_.size()) damaged("OrderedDicts of more pairs than the pickle can hold");
    for (const std::uint32_t place : list.items) {
      const PickleValue& pair = value(place);
      if ((pair.kind != Kind::list && pair.kind != Kind::tuple) || pair.items.size() != 2)
        damaged("an OrderedDict of no list of pairs");
      items.insert(items.end(), pair.items.begin(), pair.items.end());
    }
    return items;
  }

  // Attributes of an OrderedDict (such as a state_dict's _metadata) and of a Parameter change no value: passed over.
  void set_state() {
    const Kind state = value(pop()).kind;
    const PickleValue& target = value(top());
    if (target.kind == Kind::dictionary && target.text == kOrdered && state == Kind::dictionary) return;
    if (target.kind == Kind::call && target.text == kTorchParameter && state == Kind::tuple) return;
    fail("refused: attributes of something else than an OrderedDict or a Parameter");
  }

  std::string_view bytes_;
  const std::vector<std::string_view>& globals_;
  const std::string& name_;
  std::size_t at_ = 0, copied_ = 0;
  std::vector<std::uint32_t> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, std::uint32_t> memo_;
  Pickle pickle_;
};

}  // namespace

Pickle parse_pickle(std::string_view bytes, const std::vector<std::string_view>& globals, const std::string& name) {
  return Machine(bytes, globals, name).run();
}

std::string printable(std::string_view text) {
  std::string line(text.substr(0, 80));
  for (char& c : line)
    if (c < ' ' || c > '~') c = '?';
  return line;
}

}  // namespace cigli
