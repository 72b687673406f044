"""Wordings of what is told rather than written: figures, progressions, dates, choices, steps; English and Korean, each whole."""

from __future__ import annotations

from tiny_moa.experts.algebra import dates, forms, points, progressions, shapes, steps
from tiny_moa.experts.algebra.forms import Builder

_SHAPE = rf"(?P<shape>{shapes.SHAPE})"
_MEASURE = rf"(?P<measure>{shapes.MEASURE})"
_PEOPLE = r"(?:people|persons|students|children|members|players|friends|employees|candidates|volunteers|men|women|boys|girls|contestants)"
_THINGS = rf"(?:{_PEOPLE}|books|(?:distinct |different )(?:books|objects|items|things|elements|letters|balls|cards|colou?rs)|objects|items|elements)"
_GROUP = r"(?:a |the )?(?:group|set|class|team|club|list|pool|total) of "
_TERMS = r"(?P<list>-?\d[\d/.]*(?:, ?-?\d[\d/.]*){2,}(?:, ?(?:\.{3}|…))?)"
_SUM_TERMS = r"(?P<list>-?\d[\d/.]*(?: \+ -?\d[\d/.]*){2,} \+ ?(?:\.{3}|…)?)"
_KIND = r"(?P<kind>arithmetic|geometric) (?:sequence|progression|series)"
_KIND_KO = r"(?P<kind>등차|등비)수열"
_MADE = (
    r"(?: with| whose| that has| having| if| where)? (?:the )?(?:a )?first term(?: is| of| =)? (?P<first>-?[\d./]+),? (?:and |with )?"
    r"(?:the )?(?:a )?common (?:difference|ratio)(?: is| of| =)? (?P<step>-?[\d./]+)"
)
_MADE_KO = r"첫째?\s*항[이은]?\s*(?P<first>-?[\d./]+)(?:이고|고|,)\s*공[차비]가\s*(?P<step>-?[\d./]+)인\s*"
_POINT = r"\(\s*(?P<{0}>-?[\d./]+)\s*,\s*(?P<{1}>-?[\d./]+)\s*\)"
_TWO_POINTS = rf"(?:[A-Z] ?)?{_POINT.format('xa', 'ya')}\s*(?:and|to|,|와|과)\s*(?:[A-Z] ?)?{_POINT.format('xb', 'yb')}"
_POLYGON = r"(?:an? )?(?:regular )?(?P<polygon>triangle|quadrilateral|pentagon|hexagon|heptagon|octagon|nonagon|decagon|dodecagon|\d+-gon|polygon with \d+ sides)"
_POLYGON_KO = r"정?(?P<polygon>[삼사오육칠팔구십]+)각형"
_IS = r"(?:is|equals|is equal to|gives|makes|results in|the result is)"
_BE = r"(?:인가요|인가|이야|야|입니까|이지|지|일까|일까요|이니|예요|이에요)?"
_WEEKDAY_KO = r"(?P<day>[월화수목금토일])요일"

TOLD: tuple[tuple[str, Builder], ...] = (
    # figures
    (rf"(?:the )?{_MEASURE} of (?:an? |the )?{_SHAPE},? (?:with|of|whose|having|that has|if|when|given) (?P<dims>.+)", shapes.measured),
    (rf"(?:an? |the )?{_SHAPE} (?:has|with|whose) (?P<dims>.+?)[.,;] (?:what is |find |calculate |how long is |compute )?(?:its|the) {_MEASURE}(?: of the (?:{shapes.SHAPE}))?", shapes.measured),
    (rf"(?:if )?(?:an? |the )?{_SHAPE} (?:has|with|whose) (?P<dims>.+?)[.,;] how long is (?:its|the) {_MEASURE}", shapes.measured),
    (rf"(?:the )?distance (?:between|from) (?:the )?(?:points? )?{_TWO_POINTS}", points.distance),
    (rf"(?:the )?(?:coordinates of the )?midpoint (?:of|between) (?:the )?(?:points? |line segment |segment )*(?:joining |connecting |between |from )?{_TWO_POINTS}", points.midpoint),
    (rf"(?:the )?(?:slope|gradient) of (?:the |a )?(?:straight )?line (?:that passes |passing |going |which passes )?(?:through|joining|connecting|between) (?:the )?(?:points )?{_TWO_POINTS}", points.slope),
    (rf"(?:the )?sum of (?:the )?(?:interior |internal )?angles (?:of|in) {_POLYGON}", points.polygon("sum")),
    (rf"(?:the )?(?:measure of |size of )?(?:each|one|an|every) (?:interior |internal )angle (?:of|in) (?:an? )?regular {_POLYGON.removeprefix('(?:an? )?')}", points.polygon("each")),
    (rf"(?:how many|(?:the )?number of) diagonals (?:of|in|does|are (?:there )?in) {_POLYGON}(?: have)?", points.polygon("diagonals")),
    # progressions
    (rf"(?:the )?(?P<k>\d+)(?:st|nd|rd|th) term (?:of|in) (?:the |an? )?{_KIND}:? {_TERMS}", progressions.term),
    (rf"(?:the )?(?P<k>\d+)(?:st|nd|rd|th) term (?:of|in) (?:the |an? )?{_KIND}{_MADE}", progressions.term),
    (rf"(?:the )?sum of (?:the )?first (?P<k>\d+) terms (?:of|in) (?:the |an? )?{_KIND}:? {_TERMS}", progressions.total),
    (rf"(?:the )?sum of (?:the )?first (?P<k>\d+) terms (?:of|in) (?:the |an? )?{_KIND}{_MADE}", progressions.total),
    (rf"(?:the )?sum (?:of|to infinity of) (?:the |an? )?(?:infinite )?(?:geometric )?series:? {_SUM_TERMS}", progressions.endless_total),
    (rf"(?:the )?sum (?:of|to infinity of) (?:the |an? )?(?:infinite )?geometric (?:series|sequence|progression){_MADE}", progressions.endless_total),
    (r"(?:the )?(?P<k>\d+)(?:st|nd|rd|th) fibonacci number", points.fibonacci),
    (r"(?:the )?sum of (?:the )?first (?P<k>\d+) (?:positive )?odd (?:positive )?(?:numbers|integers)", points.first_odd),
    # choices
    (rf"(?:in )?(?:how many (?:different |distinct )?ways|(?:the )?number of (?:different |distinct )?ways)(?: can| could| are there| is it possible)?(?: you| we| one| i| someone)?(?: to)? (?:choose|select|pick)(?: a (?:group|team|committee|subset) of)? (?P<k>\d+)(?: {_THINGS})? (?:from|out of|from among|among) (?:{_GROUP})?(?P<n>\d+)(?: {_THINGS})?", forms.chosen),
    (rf"(?:in )?how many (?:different |distinct )?ways can (?P<n>\d+) {_THINGS} be (?:arranged|lined up|ordered|seated|placed)(?: on a shelf| in a row| in a line| in order)", points.arranged),
    (rf"(?:in )?how many (?:different |distinct )?ways can (?:you|we|one) (?:arrange|line up|order) (?P<n>\d+) {_THINGS}(?: on a shelf| in a row| in a line| in order)", points.arranged),
    (rf"(?:in )?how many (?:different |distinct )?ways can (?P<n>\d+) {_PEOPLE} (?:stand|line up|sit|be seated)(?: in a row| in a line)", points.arranged),
    (r"how many (?:distinct |different |unique )?(?:arrangements|permutations|ways)(?: are there)?(?: of| to arrange| to rearrange)?(?: all)? the letters (?:of|in)(?: the word)? [\"'“‘]?(?P<word>[A-Z]{2,15})[\"'”’]?(?: have)?", points.lettered),
    (r"how many (?:distinct |different )?(?:arrangements|permutations)(?: of (?:all )?the letters)? (?:of|in)(?: the word)? [\"'“‘]?(?P<word>[A-Z]{2,15})[\"'”’]?(?: are (?:there|possible))?", points.lettered),
    # the calendar and the clock
    (rf"(?:the )?(?:how many|number of) days (?:are )?(?:there )?(?:between|from) (?P<since>{dates.DATE}) (?:and|to|until) (?P<until>{dates.DATE})", dates.between),
    (rf"(?:the )?(?:date |which date is |what date is )?(?:is )?(?P<n>[\d,]+) (?P<unit>days?|weeks?) (?P<way>after|from|before) (?P<since>{dates.DATE})", dates.shifted),
    (rf"(?:on )?(?:(?:the |which |what )?(?:day of the week|weekday)|which day|what day)(?: (?:was|is|will be|does|did|on|of|fall on|for))*(?: it on)? (?P<since>{dates.DATE})(?: (?:fall|falls|fell)(?: on)?| be)?", dates.weekday),
    (rf"if (?:today|it) is (?:an? )?(?P<day>{dates.WEEKDAY})(?: today)?,? (?:then )?(?:(?:what|which) (?:day(?: of the week)?|weekday) )?(?:is it|will it be|it will be|was it)?(?: in)? ?(?P<n>[\d,]+) days(?: from (?:now|today)| later| (?P<way>ago))?(?: be)?", dates.weekday_after),
    (r"(?:is|was|will) (?:the year )?(?P<y>\d{4})(?: be)? a leap year", dates.leap),
    (rf"how many days (?:are (?:there )?in|does|in|were in|were there in) (?P<month>{dates.MONTH})(?: of)?,? (?P<y>\d{{4}})(?: have)?", dates.month_days),
    (r"how many days (?:are (?:there )?in|does|in|were in|were there in) (?:the year )?(?P<y>\d{4})(?: have)?", dates.month_days),
    (rf"how (?:long|much time) (?:is (?:it|there)|passes)?\s*(?:from|between) (?P<start>{dates.CLOCK}) (?:to|and|until|till) (?P<end>{dates.CLOCK})", dates.duration),
    (rf"how many (?P<mins>minutes) (?:are (?:there )?)?(?:from|between) (?P<start>{dates.CLOCK}) (?:to|and|until|till) (?P<end>{dates.CLOCK})", dates.duration),
    # steps and phrases
    (r"(?:do you get when you |do i get if i |happens when you )?(?P<e>(?:add|subtract|multiply|divide) .+)", steps.told),
    (rf"(?:if |when )?(?P<l>.+?) {_IS} (?P<r>[^,;.]+?)[,;.] (?:then )?(?:what is|what's|find|what was) (?:the|this|that) (?:original )?number", steps.number_sought),
    (rf"(?:the )?number (?:if|such that|when) (?P<l>.+?) {_IS} (?P<r>[^,;.]+)", steps.number_sought),
    (r"(?:the )?sum of two numbers is (?P<sum>-?[\d.,/]+),? and (?:their|the) difference is (?P<diff>[\d.,/]+)[.,;] (?:what are|find|determine) (?:the|both) (?:two )?numbers", steps.two_numbers),
    (r"(?:the )?sum of two numbers is (?P<sum>-?[\d.,/]+),? and (?:their|the) difference is (?P<diff>[\d.,/]+)[.,;] (?:what is|find|determine) (?:the|their) (?P<which>larger|greater|bigger|smaller|lesser|product)(?: number| of the (?:two )?numbers| one)?", steps.two_numbers),
    (r"(?P<e>.+)", steps.phrase),
)  # fmt: skip
"""English wordings, tried when the notation's own do not fit; pairs as in `english`."""

TOLD_KOREAN: tuple[tuple[str, Builder], ...] = (
    # figures
    (rf"(?P<dims>.+?)\s*인\s*{_SHAPE}의\s*{_MEASURE}", shapes.measured),
    (rf"{_SHAPE}의\s*(?P<dims>.+?)(?:일 때|이면|이라면|라면),?\s*(?:이\s*(?:{shapes.SHAPE})의\s*)?{_MEASURE}", shapes.measured),
    (rf"(?:좌표평면\s*(?:위의|에서)\s*)?(?:두 점\s*)?{_TWO_POINTS}\s*(?:사이의?|의)\s*거리", points.distance),
    (rf"(?:좌표평면\s*(?:위의|에서)\s*)?(?:두 점\s*)?{_TWO_POINTS}(?:을|를)?\s*(?:의|잇는 (?:선분|직선)의|을 이은 선분의)\s*중점(?:의 좌표)?", points.midpoint),
    (rf"(?:좌표평면\s*(?:위의|에서)\s*)?(?:두 점\s*)?{_TWO_POINTS}\s*(?:을|를)?\s*지나는\s*직선의\s*기울기", points.slope),
    (rf"{_POLYGON_KO}의\s*(?:모든 )?내각의\s*(?:크기의\s*)?합(?:은 몇 도)?{_BE}", points.polygon("sum")),
    (rf"정(?P<polygon>[삼사오육칠팔구십]+)각형의\s*한 내각(?:의 크기)?(?:는 몇 도|은 몇 도)?{_BE}", points.polygon("each")),
    (rf"{_POLYGON_KO}의\s*대각선의?\s*(?:총\s*)?(?:개수|갯수|수|은 (?:모두 )?몇 개)", points.polygon("diagonals")),
    # progressions
    (rf"{_KIND_KO}\s*:?\s*{_TERMS}\s*의\s*제?\s*(?P<k>\d+)\s*(?:번째\s*)?항", progressions.term),
    (rf"{_MADE_KO}{_KIND_KO}의\s*제?\s*(?P<k>\d+)\s*(?:번째\s*)?항", progressions.term),
    (rf"{_KIND_KO}\s*:?\s*{_TERMS}\s*의\s*(?:첫|처음)\s*(?P<k>\d+)\s*(?:개\s*)?항(?:까지)?의\s*합", progressions.total),
    (rf"{_KIND_KO}\s*:?\s*{_TERMS}\s*의\s*(?:첫째항부터\s*)?제?\s*(?P<k>\d+)\s*항까지의\s*합", progressions.total),
    (rf"{_MADE_KO}{_KIND_KO}의\s*(?:(?:첫|처음)\s*(?P<k>\d+)\s*(?:개\s*)?항의\s*합|(?:첫째항부터\s*)?제?\s*(?P<k2>\d+)\s*(?:번째\s*)?항까지의\s*합)", progressions.total),
    (r"(?P<k>\d+)\s*번째 피보나치\s*수", points.fibonacci),
    # choices
    (r"(?:학생|사람|회원|선수|후보)?\s*(?P<n>\d+)\s*명\s*(?:의 (?:학생|사람|회원|선수|후보)\s*)?(?:중에서|중|가운데|에서)\s*(?P<k>\d+)\s*명을\s*(?:뽑는|고르는|선택하는|선발하는)\s*(?:경우의 수|방법의 수|방법은 몇 가지|경우는 몇 가지)", forms.chosen),
    (r"(?:서로 다른\s*)?(?:책|학생|사람|(?<=서로 다른 )(?:공|카드|물건|구슬))?\s*(?P<n>\d+)\s*(?:명|권)(?:의 (?:학생|사람|책))?\s*[을를이가]\s*(?:일렬로|한 줄로)\s*(?:나열하는|세우는|꽂는|서는|배열하는|늘어놓는|앉는)\s*(?:경우의 수|방법의 수|방법은 몇 가지)", points.arranged),
    (r"서로 다른\s*(?P<n>\d+)\s*(?:개|장|권)(?:의 [가-힣]{1,3})?\s*[을를]\s*(?:일렬로|한 줄로)\s*(?:나열하는|세우는|꽂는|배열하는|늘어놓는)\s*(?:경우의 수|방법의 수|방법은 몇 가지)", points.arranged),
    (r"(?P<die>동전|주사위)(?:을|를)?\s*(?:한 개를|하나를)?\s*(?P<k>\d+)\s*번 던질 때\s*(?:나올 수 있는|일어날 수 있는|나오는)?\s*(?:모든 )?경우의 수", points.thrown),
    # the calendar and the clock
    (rf"(?P<since>{dates.KOREAN_DATE})\s*(?:과|와|에서)\s*(?P<until>{dates.KOREAN_DATE})\s*(?:사이는|사이에는|사이의|까지는)?\s*(?:며칠|날짜 수|일수)(?:\s*(?:차이|간격))?(?:인가요|인가|이야|야|입니까|이 있나요|이 있어)?", dates.between),
    (rf"(?P<since>{dates.KOREAN_DATE})\s*(?:로부터|부터|에서|의)?\s*(?P<n>[\d,]+)\s*(?P<unit>일|주)\s*(?P<way>후|뒤|전)(?:의 날짜|는 며칠|은 며칠|는 언제|은 언제|는|은)?(?:인가요|인가|이야|야|입니까|지)?", dates.shifted),
    (rf"(?P<since>{dates.KOREAN_DATE})\s*(?:은|는|이|의)?\s*(?:무슨 요일|요일)(?:인가요|인가|이야|야|입니까|이었나요|이었어|이지|이니)?", dates.weekday),
    (rf"오늘이?\s*{_WEEKDAY_KO}(?:이면|이라면|일 때|이라고 하면),?\s*(?:오늘(?:로)?부터\s*)?(?P<n>\d+)\s*일\s*(?P<way>후|뒤|전)(?:는|은)?\s*(?:무슨 )?요일(?:인가요|인가|이야|야|입니까|일까|이지)?", dates.weekday_after),
    (r"(?P<y>\d{4})년[은이]\s*윤년(?:인가요|인가|이야|야|입니까|이니|인지|맞아|이 맞나요)?", dates.leap),
    (r"(?P<y>\d{4})년\s*(?P<month>\d{1,2})월[은에는]*\s*(?:모두\s*)?며칠(?:까지)?\s*(?:있나요|있어|있지|인가요|이야|입니까|있습니까|이 있나요)?", dates.month_days),
    (rf"(?P<start>{dates.KOREAN_CLOCK})\s*(?:부터|에서)\s*(?P<end>{dates.KOREAN_CLOCK})\s*까지(?:는|의 시간은|의 시간)?\s*(?:총\s*)?(?:몇 시간(?:\s*몇 분)?|얼마나(?: 걸려| 걸리나요)?)?(?:이야|인가요|인가|야|입니까|이지)?", dates.duration),
    (rf"(?P<start>{dates.KOREAN_CLOCK})\s*(?:부터|에서)\s*(?P<end>{dates.KOREAN_CLOCK})\s*까지(?:는|의 시간은)?\s*(?:총\s*)?(?P<mins>몇 분)(?:이야|인가요|인가|야|입니까|이지)?", dates.duration),
    # steps
    (r"(?P<e>어떤 (?:자연|정)?수.+?(?:면|더니|면,|값이|수가|한 결과가))\s*(?P<r>-?[\d./]+)\s*(?:이다|가 된다|이 된다|이 되었다|가 되었다|이 됐다|가 됐다|이 나온다|가 나온다|이 나왔다|가 나왔다|일 때|이라면|이면|라면|였다|이었다|다|이 될 때)[.,]?\s*(?:이때|이 때|그럼|그렇다면)?,?\s*(?:어떤|이|그) (?:자연|정)?수(?:의 값)?(?:[은는을를])?", steps.number_sought_in_korean),
    (r"두 (?:자연|정)?수의 합이 (?P<sum>-?[\d./]+)(?:이고|고|,)\s*(?:두 수의 )?차가 (?P<diff>[\d./]+)(?:일 때|이면|이라면|라면|이다\.|다\.),?\s*(?:이 )?두 (?:자연|정)?수(?:[은는을를])?", steps.two_numbers),
    (r"두 (?:자연|정)?수의 합이 (?P<sum>-?[\d./]+)(?:이고|고|,)\s*(?:두 수의 )?차가 (?P<diff>[\d./]+)(?:일 때|이면|이라면|라면|이다\.|다\.),?\s*(?:이 )?(?:두 (?:자연|정)?수(?: 중|의)?\s*)?(?P<which>큰|작은|곱)\s*(?:쪽의\s*)?(?:수)?(?:[은는을를])?", steps.two_numbers),
    (r"(?P<e>.+?(?:하면|한|빼면|뺀|나누면|나눈))(?:\s*(?:값|수|결과))?", steps.told_in_korean),
)  # fmt: skip
"""Korean wordings, tried when the notation's own do not fit; pairs as in `english`."""
