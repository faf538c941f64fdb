// SPDX-License-Identifier: BSL-1.0
#include "bench/html/page_text.hpp"

namespace coir_tool {

const char* const how_to_read = R"html(<section><h2>How to read this</h2><div class="read"><ul>
<li><strong>Rounds.</strong> All subjects of a case take turns, round by round, each time in fresh processes. A bar is the
median of the rounds. The small marks below it are the rounds themselves.</li>
<li><strong>Whiskers</strong> span the 95 % interval of that median, by resampling the rounds. Below five rounds they span from
the least to the greatest. Intervals of two bars may overlap although the verdict is clear: the verdict compares within
each round, so what slows a whole round down does not count.</li>
<li><strong>Speed</strong> is the median over the rounds of the ratio to the base, the first of the table. Above 1 is better, whatever
the unit. 95 % is its interval.</li>
<li><strong>Verdict.</strong> ▲ and ▼ mean that the whole interval is above or below 1. ≈ means that it contains 1: the same
within noise. That is a result, too. ? means too few rounds.</li>
<li><strong>Spread</strong> is the median distance of the rounds from their median.</li>
<li><strong>Patterns.</strong> Reactors of coir have full bars and solid lines, baselines (what one writes by hand without coir) have pale
bars, dashed lines and hollow marks, peers (other libraries) have outlined bars and dotted lines. A bar with two cuts goes on
beyond the picture; its figure is right.</li>
<li><strong>Percentiles.</strong> 99 means that 99 of 100 operations took at most so long. Each step to the right is ten times
rarer. A curve ends where fewer than ten operations were slower: beyond, it would be chance. Where a
load is a closed loop, these are latencies of a busy server.</li>
<li><strong>Not across runs.</strong> Times of one run are no measure for another run, another day or another machine. Run both
again, in one, or ask <code>coir bench compare</code> about two files.</li>
</ul></div></section>
)html";

}  // namespace coir_tool
