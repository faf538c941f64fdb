// SPDX-License-Identifier: BSL-1.0
// Task groups within task groups, of which one task fails, or the whole is cancelled: the others are
// cancelled, everybody is joined, and the root sees that one error.
#include "scenario.hpp"

namespace coir_scenarios {
namespace {

using Microseconds = std::chrono::microseconds;

constexpr int depth = 3;
constexpr std::uint64_t longest = 400;  // what a leaf takes, in microseconds

struct Planted : std::runtime_error {
    Planted() : std::runtime_error("planted") {}
};

enum class Fate : std::uint64_t { all_end, one_fails, root_cancelled };

struct Tree {
    Dice dice;
    Fate fate = static_cast<Fate>(dice.below(3));
    int nodes = 0;      // begun
    int left = 0;       // of those, by whatever way
    int done = 0;       // to their regular end
    int planted = -1;   // which leaf fails
    int leaves = 0;
};

/// Counts a node.
class Presence {
public:
    explicit Presence(Tree& tree) : tree_(tree) { ++tree_.nodes; }
    ~Presence() { ++tree_.left; }

private:
    Tree& tree_;
};

// Some need time to clean up.
void rest(Tree& tree, Microseconds time) {
    try {
        coir::sleep(time);
    } catch (const coir::CancelledError&) {
        if (tree.dice.below(2) == 0) coir::no_cancel([] { coir::sleep(Microseconds(7)); });
        throw;
    }
}

void leaf(Tree& tree) {
    const int number = tree.leaves++;
    rest(tree, Microseconds(1 + tree.dice.below(longest)));
    if (number == tree.planted) throw Planted();
}

void node(Tree& tree, int level) {
    const Presence presence(tree);
    if (level == depth) {
        leaf(tree);
    } else {
        coir::with_task_group([&](coir::TaskGroup& group) {
            const std::uint64_t children = 2 + tree.dice.below(3);
            for (std::uint64_t i = 0; i < children; ++i) {
                group.create_task([&tree, level] { node(tree, level + 1); });
                if (tree.dice.below(3) == 0) coir::yield_now();
            }
            if (tree.dice.below(2) == 0) rest(tree, Microseconds(tree.dice.below(longest)));
        });
    }
    ++tree.done;
}

int count_planted(const coir::ExceptionGroup& group) {
    int count = 0;
    for (const std::exception_ptr& each : group.exceptions()) {
        try {
            std::rethrow_exception(each);
        } catch (const Planted&) {
            ++count;
        } catch (const coir::ExceptionGroup& inner) {
            count += count_planted(inner);
        }
    }
    return count;
}

/// How the tree has ended, as the fate that it looks like.
Fate grow(Tree& tree) {
    try {
        node(tree, 0);
        return Fate::all_end;
    } catch (const coir::ExceptionGroup& group) {
        expect(count_planted(group) == 1, "the root sees the one error");
        return Fate::one_fails;
    }
}

Fate watch(Tree& tree) {
    auto root = coir::create_task([&] { return grow(tree); });
    if (tree.fate == Fate::root_cancelled) {
        coir::sleep(Microseconds(tree.dice.below(longest)));
        root.cancel();
    }
    try {
        return coir::await(root);
    } catch (const coir::TaskCancelledError&) {
        return Fate::root_cancelled;
    }
}

void one_tree() {
    Tree tree;
    if (tree.fate == Fate::one_fails) tree.planted = static_cast<int>(tree.dice.below(8));
    const Fate end = watch(tree);
    expect(tree.nodes == tree.left, "nobody outlives the root");
    if (end == Fate::all_end) expect(tree.done == tree.nodes, "everybody has done his work");
    if (end == Fate::root_cancelled) expect(tree.fate == end, "only a cancelled root looks like one");
    // There are at least eight leaves, and a tree that fails is not done.
    if (tree.fate == Fate::one_fails) expect(end == Fate::one_fails, "the failure reaches the root");
    // A root that is cancelled before its first step has done nothing at all.
    const bool begun = tree.nodes > 0;
    expect(begun || tree.fate == Fate::root_cancelled, "only a cancelled root does not begin");
    if (begun && end != Fate::all_end) {
        expect(tree.done < tree.nodes, "what was cancelled has not been done");
    }
    expect(coir::all_tasks().size() == 1, "only the main task is left");
}

void task_tree() {
    for (int i = 0; i < 4; ++i) one_tree();
}

}  // namespace

const Scenario task_tree_scenario = {
    "task_tree", "nested task groups of which one task fails: all are joined, one error comes out",
    &in_loop<task_tree>};

}  // namespace coir_scenarios
