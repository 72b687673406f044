"""English wordings of closed forms, most special first; each must match a question whole."""

from __future__ import annotations

from tiny_moa.experts.algebra import forms
from tiny_moa.experts.algebra.forms import Builder, about, divided, form, listed, per_cent

_SUCH = r"(?:,?\s*(?:if|when|where|given(?: that)?|such that|so that|for which|that (?:satisf(?:y|ies)|makes?|solves?)|satisfies|satisfy)(?: the)?(?: equations?| inequality)?)"
_KINDS = r"(?:(?:the|following|system(?: of)?|simultaneous|linear|quadratic|cubic|polynomial|equations?|inequalit(?:y|ies)|expression|of|for)\b[\s:]*)*"
_WRT = r"(?:,?\s*(?:with respect to|w\.?r\.?t\.?)\s+(?P<v>[a-z]))?"
_SOLUTIONS = r"(?:real |distinct |possible |all |of |the )*(?:solutions?|roots?|zeros?|values? of [a-z])"

ENGLISH: tuple[tuple[str, Builder], ...] = (
    # numbers
    (r"(?:the )?(?:gcd|hcf|gcf|greatest common (?:divisor|factor)|highest common factor)(?: of| for|:)?\s*(?P<list>.+)", listed("common", "gcd")),
    (r"(?:the )?(?:lcm|l\.c\.m\.|(?:least|lowest) common multiple)(?: of| for|:)?\s*(?P<list>.+)", listed("common", "lcm")),
    (r"(?:is\s+)?(?P<n>[\d,]+)\s+(?:is\s+)?(?:a )?prime(?: number)?(?: or (?:not|composite))?", about("is_prime")),
    (r"(?:whether|if) (?P<n>[\d,]+) is (?:a )?prime(?: number)?(?: or not)?", about("is_prime")),
    (r"(?:the )?(?:prime factori[sz]ation|prime factors? decomposition) of (?P<n>[\d,]+)", about("factors", what="product")),
    (r"(?:prime )?factori[sz]e (?:the number )?(?P<n>[\d,]+)(?: into (?:its )?primes?(?: factors)?)?", about("factors", what="product")),
    (r"factor (?:the number )?(?P<n>[\d,]+)(?: into primes?(?: factors)?)?", about("factors", what="product")),
    (r"(?:write|express) (?P<n>[\d,]+) as (?:a )?product of (?:its )?primes?(?: factors)?", about("factors", what="product")),
    (r"(?:all )?(?:the )?(?:distinct )?prime (?:factors|divisors) of (?P<n>[\d,]+)", about("factors", what="list")),
    (r"(?:the )?(?:largest|greatest) prime (?:factor|divisor) of (?P<n>[\d,]+)", about("factors", what="largest")),
    (r"(?:the )?(?:smallest|least) prime (?:factor|divisor) of (?P<n>[\d,]+)", about("factors", what="smallest")),
    (r"(?:the )?sum of (?:the |all )*distinct prime (?:factors|divisors) of (?P<n>[\d,]+)", about("factors", what="sum")),
    (r"(?:the )?(?:how many|number of) (?:distinct |different )prime (?:factors|divisors) (?:of|does) (?P<n>[\d,]+)(?: have)?", about("factors", what="count")),
    (r"(?:list |give )?(?:all )?(?:of )?(?:the )?(?:positive )?(?:divisors|factors) of (?P<n>[\d,]+)", about("divisors", what="list")),
    (r"(?:the )?(?:how many|number of|count(?: of)?(?: the)?) (?:positive )?(?:divisors|factors) (?:of|does|are there of) (?P<n>[\d,]+)(?: have)?", about("divisors", what="count")),
    (r"(?:the )?sum of (?:the |all )*(?:positive )?(?:divisors|factors) of (?P<n>[\d,]+)", about("divisors", what="sum")),
    (r"(?:list )?(?:all )?(?:the )?prime(?: number)?s (?P<how>between|from) (?P<lo>[\d,]+) (?:and|to) (?P<hi>[\d,]+)", forms.primes("list")),
    (r"(?:the )?(?:how many|number of) prime(?: number)?s (?:are )?(?:there )?(?P<how>between|from) (?P<lo>[\d,]+) (?:and|to) (?P<hi>[\d,]+)", forms.primes("count")),
    (r"(?:the )?(?P<nth>\d+)(?:st|nd|rd|th) prime(?: number)?", about("primes", what="nth")),
    # remainders and quotients
    (r"(?:the )?(?:modular |multiplicative )*inverse of (?P<e>.+?) (?:mod|modulo) (?P<n>[\d,]+)", divided("inverse")),
    (r"(?P<e>[\d,]+)\s*\^\s*\{?\(?-1\)?\}?\s*(?:\\pmod\s*\{?|\\bmod\s*|\(?mod(?:ulo)?\s*)(?P<n>[\d,]+)[})]*", divided("inverse")),
    (r"(?P<e>.+?)\s*(?:\\pmod\s*\{?|\\bmod\s*|\(\s*mod\s+|\bmod(?:ulo|ulus)?\s+)(?P<n>[\d,]+)[})]*", divided("remainder")),
    (r"(?P<e>[\d,()^*+ ]+?)\s+%\s+(?P<n>[\d,]+)", divided("remainder")),
    (r"(?:the )?remainder (?:when|if|of(?: dividing)?) (?P<e>.+?) (?:is )?(?:divided )?by (?P<n>[\d,]+)", divided("remainder")),
    (r"(?:the )?quotient and (?:the )?remainder (?:when|of) (?P<e>.+?) (?:is )?divided by (?P<n>[\d,]+)", divided("quotient", both=True)),
    # statistics
    (r"(?:the )?(?:arithmetic )?(?:mean|average)(?: value)?(?: of| for|:)?\s*(?P<list>.+)", listed("statistics", "mean")),
    (r"(?:the )?median(?: of| for|:)?\s*(?P<list>.+)", listed("statistics", "median")),
    (r"(?:the )?mode(?: of| for|:)?\s*(?P<list>.+)", listed("statistics", "mode")),
    (r"(?:the )?range of (?P<list>.+)", listed("statistics", "range")),
    (r"(?:the )?(?:population )?variance(?: of| for|:)?\s*(?P<list>.+)", listed("statistics", "variance")),
    (r"(?:the )?(?:population )?standard deviation(?: of| for|:)?\s*(?P<list>.+)", listed("statistics", "standard deviation")),
    (r"(?:the )?sample variance(?: of| for|:)?\s*(?P<list>.+)", listed("statistics", "sample variance")),
    (r"(?:the )?sample standard deviation(?: of| for|:)?\s*(?P<list>.+)", listed("statistics", "sample standard deviation")),
    (r"(?:the )?sum of (?P<list>[^a-z]+(?:\band\b[^a-z]+)?)", listed("statistics", "sum")),
    (r"(?:the )?product of (?P<list>[^a-z]+(?:\band\b[^a-z]+)?)", listed("statistics", "product")),
    # percentages
    (r"(?P<p>[\d.,/ ]+)\s*(?:%|\\%|percent|per cent) of (?P<base>[\d.,]+)", per_cent("of")),
    (r"(?P<p>[\d.,]+) is what (?:percent|percentage|%)(?: of)? (?P<base>[\d.,]+)", per_cent("which")),
    (r"(?:what )?(?:percent|percentage|%) of (?P<base>[\d.,]+) is (?P<p>[\d.,]+)", per_cent("which")),
    (r"(?P<base>[\d.,]+) is (?P<p>[\d.,]+)\s*(?:%|percent) of (?:what|which)(?: number)?", per_cent("whole")),
    (r"(?:increase (?P<base>[\d.,]+) by|(?P<base2>[\d.,]+) increased by) (?P<p>[\d.,]+)\s*(?:%|percent)", per_cent("more")),
    (r"(?:decrease|reduce) (?P<base>[\d.,]+) by (?P<p>[\d.,]+)\s*(?:%|percent)", per_cent("less")),
    (r"(?P<base>[\d.,]+) (?:decreased|reduced) by (?P<p>[\d.,]+)\s*(?:%|percent)", per_cent("less")),
    (r"(?P<p>[\d.,]+)\s*(?:%|percent) (?:off|discount on)(?: of)? (?P<base>[\d.,]+)", per_cent("less")),
    (r"(?:the )?(?:percent|percentage) (?:change|increase) from (?P<base>[\d.,]+) to (?P<p>[\d.,]+)", per_cent("change")),
    # units and bases
    (r"convert (?P<n>[\da-fx]+)(?: from)?(?: in)? (?P<old>base[ -]?\d+|binary|octal|decimal|hexadecimal|hex)(?: number)? (?:to|into|in) (?P<new>base[ -]?\d+|binary|octal|decimal|hexadecimal|hex)", forms.in_base),
    (r"(?:convert |write |express )?(?:the number )?(?P<n>\d+)(?: \(?base[ -]?10\)?)? (?:to|into|in) (?P<new>base[ -]?\d+|binary|octal|hexadecimal|hex)", forms.in_base),
    (r"(?:convert )?(?P<n>[\da-f]+)_\{?(?P<old>\d+)\}?(?: (?:to|into|in) (?P<new>base[ -]?\d+|decimal))", forms.in_base),
    (r"(?:convert |express |change )?(?P<amount>-?[\d.,/ ]+)\s*(?P<from>[A-Za-z°²³/^ 0-9]+?) (?:to|in|into|as|equals how many|is how many) (?P<into>[A-Za-z°²³/^ 0-9]+)", forms.converted),
    (r"how many (?P<into>[A-Za-z°²³/^ 0-9]+?) (?:are |is )?(?:there )?in (?P<amount>-?[\d.,/]+|an?|one)\s*(?P<from>[A-Za-z°²³/^ 0-9]+)", forms.converted),
    # calculus
    (r"(?:the )?(?:(?P<order>first|second|third|fourth|fifth) )?derivative of (?P<e>.+?)" + _WRT + r"(?:\s+(?:at|when|for) (?:the point )?[a-z]\s*=\s*(?P<at>.+?))?", forms.derived),
    (r"(?:differentiate|derive) (?P<e>.+?)(?: (?P<order>twice))?" + _WRT, forms.derived),
    (r"(?:d/d(?P<v>[a-z])|\\frac\s*\{\s*d\s*\}\s*\{\s*d\s*(?P<v2>[a-z])\s*\})\s*(?P<e>.+)", forms.derived),
    (r"(?:if|given(?: that)?|for) (?P<name>[fgh])\((?P<v>[a-z])\)\s*=\s*(?P<e>.+?),? (?:then )?(?:what is|find|compute|evaluate|determine)\s*(?P<again>[fgh])(?P<order>'{1,2})\((?:(?P=v)|(?P<at>[^()]+))\)", forms.derived),
    (r"(?P<again>[fgh])(?P<order>'{1,2})\((?:(?P<v2>[a-z])|(?P<at>[^()]+))\),? (?:if|when|where|given(?: that)?|for) (?P<name>[fgh])\((?P<v>[a-z])\)\s*=\s*(?P<e>.+)", forms.derived),
    (r"(?:integrate|(?:the )?(?:definite |indefinite )?integral of|(?:the )?anti-?derivative of) (?P<e>.+?)(?:\s+d(?P<v>[a-z]))?" + _WRT.replace("<v>", "<v2>") + r"(?:,?\s*(?:from|between) (?:[a-z]\s*=\s*)?(?P<lo>.+?) (?:to|and) (?:[a-z]\s*=\s*)?(?P<hi>.+?))?(?:\s+with respect to (?P<v3>[a-z]))?", form("integral")),
    (r"(?:∫|\\int)\s*_\s*\{?(?P<lo>[^{}^]+?)\}?\s*\^\s*(?:\{(?P<hi>.+?)\}|(?P<hi2>\d|\\?[a-z]+))\s*(?P<e>.+?)\s*\\?,?\s*d(?P<v>[a-z])", form("integral")),
    (r"(?:∫|\\int)\s*(?P<e>[^_^].*?)\s*\\?,?\s*d(?P<v>[a-z])", form("integral")),
    (r"(?:the )?lim(?:it)?(?: of)? (?P<e>.+?),? (?:as|when) (?P<v>[a-z]) (?:approaches|tends to|goes to|->|→|\\to) (?P<to>.+?)(?: from (?:the )?(?P<side>left|right|above|below))?", forms.limited),
    (r"(?:the )?lim(?:it)? (?:as|when) (?P<v>[a-z]) (?:approaches|tends to|goes to|->|→) (?P<to>\S+) of (?P<e>.+)", forms.limited),
    (r"\\?lim\s*_?\s*[({]?\s*(?P<v>[a-z])\s*(?:->|→|\\to|\\rightarrow)\s*(?P<to>-?(?:\\infty|∞|infinity|inf|pi|[\d.]+(?:/\d+)?))\s*(?P<side>\^?[+-])?\s*[)}]?\s*(?P<e>.+)", forms.limited),
    (r"(?:the )?(?:taylor|maclaurin|power) (?:series|polynomial|expansion)(?: expansion)? (?:of|for) (?P<e>.+?) (?:around|about|at|near|centered at) [a-z]?\s*=?\s*(?P<at>[-\d./pi]+),? (?:up )?to (?:order|degree|the) (?P<order>\d+)(?:th order|th degree)?", forms.series),
    (r"(?:the )?maclaurin (?:series|polynomial|expansion)(?: expansion)? (?:of|for) (?P<e>.+?),? (?:up )?to (?:order|degree) (?P<order>\d+)", forms.series),
    # sums
    (r"(?:the )?sum of (?:all )?(?:the )?(?:(?P<sort>even|odd) )?(?:positive |natural |whole |consecutive )*(?:integers|numbers) from (?P<lo>\d+) (?:to|through) (?P<hi>\d+)(?:,? inclusive)?", forms.counted_sum),
    (r"(?:the )?sum of (?:the )?first (?P<hi>\d+) (?:positive |natural |counting )*(?:integers|numbers)", forms.counted_sum),
    (r"(?:the )?sum (?:of (?P<e>.+?) )?(?:for|from|as|over) (?P<v>[a-z])\s*=\s*(?P<lo>.+?) (?:to|goes to) (?P<hi>\w+)", form("total")),
    (r"(?:the )?sum (?:from|for) (?P<v>[a-z])\s*=\s*(?P<lo>.+?) to (?P<hi>\w+) of (?P<e>.+)", form("total")),
    (r"(?:∑|Σ|\\sum)\s*_\s*\{(?P<v>[a-z])\s*=\s*(?P<lo>[^{}]+)\}\s*\^\s*(?:\{(?P<hi>[^{}]+)\}|(?P<hi2>\d|\\infty))\s*(?P<e>.+)", form("total")),
    (r"1\s*\+\s*2\s*(?:\+\s*3\s*)?(?:\+\s*4\s*)?\+\s*(?:\.{2,3}|…|\\[cl]?dots)\s*\+\s*(?P<hi>\d+)", forms.counted_sum),
    # counting
    (r"n(?P<kind>[CP])r?\(\s*(?P<n>\d+)\s*,\s*(?P<k>\d+)\s*\)", forms.chosen),
    (r"(?P<n>\d+) choose (?P<k>\d+)", forms.chosen),
    (r"_?\{?(?P<n>\d+)\}?_?(?P<kind>[CP])_?\{?(?P<k>\d+)\}?", forms.chosen),
    (r"(?P<kind>[CP])\(\s*(?P<n>\d+)\s*,\s*(?P<k>\d+)\s*\)", forms.chosen),
    # forms
    (r"(?:simplify|reduce)(?: the)?(?: following)?(?: expression| fraction| radical)?[\s:]+(?P<e>.+?)(?: (?:to|in) (?:lowest|simplest) (?:terms|form))?", form("simplify")),
    (r"(?:expand|multiply out)(?: and simplify)?(?: the)?(?: following)?(?: expression| product| polynomial)?[\s:]+(?P<e>.+)", form("expand")),
    (r"(?:factor(?:i[sz]e)?)(?: completely| fully)?(?: the)?(?: following)?(?: quadratic)?(?: expression| polynomial| trinomial)?[\s:]+(?P<e>.+?)(?: completely| fully| over the integers)?", form("factor")),
    (r"(?:the )?factori[sz]ation of (?P<e>.+)", form("factor")),
    # functions and substitution
    (r"(?:if|given(?: that)?|let|for|suppose) (?P<name>[fgh])\((?P<v>[a-z])\)\s*=\s*(?P<e>.+?)[,.]? (?:then )?(?:what is |find |compute |evaluate |determine |calculate )?(?:the value of )?(?P<again>[fgh])\((?P<point>.+?)\)", forms.applied),
    (r"(?P<e>[^=]+?),? (?:when|at|for|if|where|given(?: that)?) (?P<given>[a-z]\s*=.+)", forms.substituted),
    (r"(?:if|when|given(?: that)?|for) (?P<given>[a-z]\s*=.+?),? (?:then )?(?:what is |find |evaluate |compute |calculate )(?:the value of )?(?P<e>[^=]+)", forms.substituted),
    # equations
    (r"(?:the )?(?P<pick>largest|greatest|smallest|least|positive|negative|sum|product|number)\b(?: possible)? (?:of )?" + _SOLUTIONS + r"(?: (?:of|to|for)(?: the)?(?: equation)?|" + _SUCH + r")\s*(?P<r>.+)", forms.solved),
    (r"(?:all )?(?:of )?(?:the )?(?P<real>real )?(?:solutions?|roots?|zeros?)(?: (?:of|to|for))? " + _KINDS + r"(?P<r>.+)", forms.solved),
    (r"(?:all )?(?:the )?(?:possible )?(?P<real>real )?(?:values? (?:of|for) )?(?P<v>[a-z])" + _SUCH + r"\s+(?P<r>.+)", forms.solved),
    (r"(?:what|which) (?P<real>real )?values? of (?P<v>[a-z]) (?:satisf(?:y|ies)|makes?|solves?)(?: the equation)? (?P<r>.+)", forms.solved),
    (r"(?:values? of )?(?P<v>[a-z]) (?:in|from)(?: the)? equation:?\s+(?P<r>.+)", forms.solved),
    (r"solve (?:for )?(?P<v>[a-z](?:(?:,| and|, and) ?[a-z])*)(?: in| from|:|,| if| when| given)(?: the equation)?\s*(?P<r>.+)", forms.solved),
    (r"(?:the )?(?:real )?(?:roots?|zeros?) of (?:the )?(?:polynomial |quadratic |function )*(?P<e>[^=<>]+)", forms.roots),
    (r"(?P<r>.+=.+?)[,;] (?P<v>[a-z])", forms.solved),
    (r"solve[:\s]+" + _KINDS + r"(?P<r>.+?)(?: for (?P<v>[a-z](?:(?:,| and|, and) ?[a-z])*))?(?: (?:over|in|for) (?P<real>(?:the )?(?:reals|real numbers)))?", forms.solved),
    (r"(?P<r>.+?)[,.;]?\s+(?:then )?(?:solve for|find(?: the value of)?|what is(?: the value of)?|determine|for) (?P<v>[a-z](?:(?:,| and|, and) ?[a-z])*)", forms.solved),
    (r"(?:if|given(?: that)?|suppose(?: that)?|when) (?P<r>.+?)[,.]? (?:then )?(?:what is|find|what's|compute|determine|evaluate|solve for)(?: the value of)? (?P<t>.+)", forms.solved),
    (r"(?P<r>.+=.+?)[,.;]\s+(?:find|what is|compute|determine|evaluate)(?: the value of)? (?P<t>.+)", forms.solved),
    (r"(?P<r>.+[=<>≤≥].+)", forms.solved),
    (r"(?:the )?(?:difference between|difference of) (?P<a>[^a-z]+) and (?P<b>[^a-z]+)", lambda parts: forms.value({"e": f"abs({parts['a']} - {parts['b']})"})),
    (r"(?P<part>\d+/\d+) of (?P<e>[\d.,]+)", lambda parts: forms.value({"e": f"({parts['part']}) * ({parts['e']})"})),
    (r"(?:the )?square of (?P<e>[\d.,/]+)", lambda parts: forms.value({"e": f"({parts['e']})^2"})),
    (r"half of (?P<e>[\d.,/]+)", lambda parts: forms.value({"e": f"({parts['e']}) / 2"})),
    (r"(?:the )?factorial of (?P<e>\d+)", lambda parts: forms.value({"e": f"{parts['e']}!"})),
    (r"(?P<e>.+)", forms.value),
)  # fmt: skip
"""Pairs of a wording and what makes a question of its parts; a part with a digit behind its name stands for the one without."""
