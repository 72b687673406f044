"""Korean wordings of closed forms, most special first; each must match a question whole."""

from __future__ import annotations

from tiny_moa.experts.algebra import forms
from tiny_moa.experts.algebra.forms import Builder, about, divided, form, listed, per_cent

_OF = r"\s*의\s*"
_OBJ = r"\s*[을를]?\s*"
_N = r"(?P<n>[\d,]+)"
_TOPIC = r"\s*[은는이가]?\s*"
_SOLVE = r"(?:풀(?:어\s*줘|어\s*주세요|어라|어\s*봐|이|이해\s*줘|어|면|고|시오|으시오|자|기)?)"

KOREAN: tuple[tuple[str, Builder], ...] = (
    (r"(?P<list>.+?)" + _OF + r"최대\s*공약수", listed("common", "gcd")),
    (r"(?P<list>.+?)" + _OF + r"최소\s*공배수", listed("common", "lcm")),
    (_N + _TOPIC + r"소수(?:인가요|인가|인지|야|니|입니까|이니|맞아|맞나요|인지 판별|인지 아닌지)?", about("is_prime")),
    (_N + _OBJ + r"소인수\s*분해(?:\s*하면|\s*한 결과)?", about("factors", what="product")),
    (_N + _OF + r"소인수\s*분해", about("factors", what="product")),
    (_N + _OF + r"소인수(?:들)?", about("factors", what="list")),
    (_N + _OF + r"가장 큰 소인수", about("factors", what="largest")),
    (_N + _OF + r"(?:양의 )?약수(?:의)?\s*(?:개수|갯수|는 모두 몇 개(?:야|인가|인가요|입니까)?)", about("divisors", what="count")),
    (_N + _OF + r"(?:모든 )?(?:양의 )?약수(?:들)?의\s*(?:총)?합", about("divisors", what="sum")),
    (_N + _OF + r"(?:모든 )?(?:양의 )?약수(?:를 모두|는 모두)?", about("divisors", what="list")),
    (r"(?P<lo>\d+)\s*(?:부터|에서|와|과)\s*(?P<hi>\d+)\s*(?:까지의?|사이의?|사이에 있는)\s*(?:모든 )?소수(?:들)?(?:의)?\s*(?:개수|갯수)", about("primes", what="count")),
    (r"(?P<lo>\d+)\s*(?:부터|에서|와|과)\s*(?P<hi>\d+)\s*(?:까지의?|사이의?|사이에 있는)\s*(?:모든 )?소수(?:들)?의\s*합", about("primes", what="sum")),
    (r"(?P<lo>\d+)\s*(?:부터|에서|와|과)\s*(?P<hi>\d+)\s*(?:까지의?|사이의?|사이에 있는)\s*(?:모든 )?소수(?:들)?(?:를 모두)?", about("primes", what="list")),
    (r"(?P<nth>\d+)\s*번째 소수", about("primes", what="nth")),
    (r"(?P<e>.+?)" + _OBJ + _N + r"\s*(?:으로|로)\s*나눴?(?:눈|누었을 때의?|눴을 때의?|눌 때의?|을 때의?)\s*나머지", divided("remainder")),
    (r"(?P<e>.+?)" + _OBJ + _N + r"\s*(?:으로|로)\s*나(?:눈|누었을 때의?|눌 때의?)\s*몫(?:과|하고)\s*나머지", divided("quotient", both=True)),
    (r"(?P<e>.+?)" + _OBJ + _N + r"\s*(?:으로|로)\s*나(?:눈|누었을 때의?|눌 때의?)\s*나머지", divided("remainder")),
    (r"(?P<e>.+?)" + _OBJ + _N + r"\s*(?:으로|로)\s*나(?:눈|누었을 때의?|눌 때의?)\s*몫", divided("quotient")),
    (r"(?:법|모듈로)\s*" + _N + r"에 대한 (?P<e>\d+)의 역원", divided("inverse")),
    (r"(?P<list>.+?)" + _OF + r"(?:산술\s*)?평균", listed("statistics", "mean")),
    (r"(?P<list>.+?)" + _OF + r"중앙값", listed("statistics", "median")),
    (r"(?P<list>.+?)" + _OF + r"최빈값", listed("statistics", "mode")),
    (r"(?P<list>.+?)" + _OF + r"범위", listed("statistics", "range")),
    (r"(?P<list>.+?)" + _OF + r"(?:모)?분산", listed("statistics", "variance")),
    (r"(?P<list>.+?)" + _OF + r"(?:모)?표준\s*편차", listed("statistics", "standard deviation")),
    (r"(?P<list>.+?)" + _OF + r"표본\s*분산", listed("statistics", "sample variance")),
    (r"(?P<list>.+?)" + _OF + r"표본\s*표준\s*편차", listed("statistics", "sample standard deviation")),
    (r"(?P<lo>\d+)\s*(?:부터|에서)\s*(?P<hi>\d+)\s*까지(?:의)?\s*(?:모든 )?(?:(?P<sort>짝수|홀수)|자연수|정수|수)?(?:들)?(?:의)?\s*(?:총)?합", forms.counted_sum),
    (r"(?P<list>[\d.,/ 와과]+?)" + _OF + r"합", listed("statistics", "sum")),
    (r"(?P<list>[\d.,/ 와과]+?)" + _OF + r"곱", listed("statistics", "product")),
    (r"(?P<base>[\d.,]+)" + _OF + r"(?P<p>[\d.,]+)\s*(?:%|퍼센트|프로)", per_cent("of")),
    (r"(?P<p>[\d.,]+)\s*[은는이가]\s*(?P<base>[\d.,]+)" + _OF + r"몇\s*(?:%|퍼센트|프로)(?:야|인가|인가요|입니까|이야|지)?", per_cent("which")),
    (r"(?P<base>[\d.,]+)에서\s*(?P<p>[\d.,]+)\s*(?:%|퍼센트|프로)\s*(?:증가|인상|늘)(?:하면|한|시킨|된)?(?:\s*(?:값|금액|수))?", per_cent("more")),
    (r"(?P<base>[\d.,]+)에서\s*(?P<p>[\d.,]+)\s*(?:%|퍼센트|프로)\s*(?:감소|할인|인하)(?:하면|한|시킨|된)?(?:\s*(?:값|금액|수))?", per_cent("less")),
    (r"(?P<n>\d+)" + _OBJ + r"(?P<new>\d+)진(?:수|법)(?:으로|로)?(?:\s*(?:바꾸면|변환|나타내면|표현하면|바꿔|바꾸기|바꿔\s*줘|변환하면|나타내기))?", forms.in_base),
    (r"(?P<old>\d+)진(?:수|법)?\s*(?P<n>[\da-f]+)" + _OBJ + r"(?P<new>\d+)진(?:수|법)(?:으로|로)?(?:\s*(?:바꾸면|변환|나타내면|표현하면|바꿔|바꿔\s*줘|변환하면))?", forms.in_base),
    (r"(?P<from>섭씨|화씨)\s*(?P<amount>-?[\d.]+)\s*도?\s*[은는을를]?\s*(?P<into>섭씨|화씨)(?:\s*(?:로|몇)\s*도?(?:야|인가|인가요|입니까|이야|지)?)?(?:\s*(?:바꾸면|변환|환산|바꿔\s*줘))?", forms.converted),
    (r"(?P<amount>-?[\d.,/]+)\s*(?P<from>[A-Za-z°²³/^0-9가-힣]+?)\s*[을를은는이가]?\s*(?P<into>[A-Za-z°²³/^0-9]+|[가-힣]+?)\s*(?:으로|로)(?:\s*(?:바꾸면|변환|환산|나타내면|바꿔|바꿔\s*줘|변환하면|환산하면|바꾸기|표현하면))?", forms.converted),
    (r"(?P<amount>-?[\d.,/]+)\s*(?P<from>[A-Za-z°²³/^0-9가-힣]+?)\s*[은는이가]\s*몇\s*(?P<into>[A-Za-z°²³/^0-9가-힣]+?)(?:야|인가|인가요|입니까|이야|지|예요|일까)?", forms.converted),
    (r"(?:함수 )?(?P<e>.+?)" + _OBJ + r"(?:(?P<v>[a-z])(?:에 대해서?|에 대하여|로)\s*)?(?P<order>두 번|세 번)?\s*미분(?:하면|한 것|한 결과|하기|하시오)?", forms.derived),
    (r"(?:함수 )?(?P<e>.+?)" + _OF + r"(?P<order>이계|2계|삼계|3계|이차|2차)?\s*(?:도함수|미분|미분값)", forms.derived),
    (r"(?:함수 )?(?P<e>.+?)" + _OF + r"\s*[a-z]\s*=\s*(?P<at>[-\d./]+)\s*(?:에서의|일 때의?)\s*(?:미분\s*계수|순간변화율)", forms.derived),
    (r"(?:함수 )?(?P<e>.+?)" + _OBJ + r"(?P<lo>[-\d./a-z]+)\s*(?:부터|에서)\s*(?P<hi>[-\d./a-z]+)\s*까지\s*(?:정)?적분(?:하면|한 값|한 결과)?", form("integral")),
    (r"(?P<lo>[-\d./a-z]+)\s*(?:부터|에서)\s*(?P<hi>[-\d./a-z]+)\s*까지\s*(?P<e>.+?)" + r"(?:\s*의|\s*[을를])\s*(?:정)?적분(?:하면|한 값|한 결과|값)?", form("integral")),
    (r"(?:함수 )?(?P<e>.+?)" + _OBJ + r"(?:(?P<v>[a-z])(?:에 대해서?|에 대하여|로)\s*)?(?:부정)?적분(?:하면|한 것|한 결과|하기)?", form("integral")),
    (r"(?:함수 )?(?P<e>.+?)" + _OF + r"(?:부정\s*적분|적분)", form("integral")),
    (r"(?P<v>[a-z])\s*(?:가|이|→|->)\s*(?P<to>[-\d./a-z∞]+|무한대)\s*(?:으로|로|에)?\s*(?:갈 때|접근할 때|다가갈 때|한없이 가까워질 때|일 때)?,?\s*(?P<e>.+?)" + _OF + r"극한(?:값)?", lambda parts: forms.limited({**parts, "to": parts["to"].replace("무한대", "∞")})),
    (r"(?P<e>.+?)" + _OBJ + r"(?:간단히|정리)(?:\s*(?:하면|한 것|하기|정리))?", form("simplify")),
    (r"(?P<e>.+?)" + _OBJ + r"전개(?:\s*(?:하면|한 것|한 식|하기))?", form("expand")),
    (r"(?P<e>.+?)" + _OF + r"전개식?", form("expand")),
    (r"(?P<e>.+?)" + _OBJ + r"인수\s*분해(?:\s*(?:하면|한 것|한 식|하기))?", form("factor")),
    (r"(?P<e>.+?)" + _OF + r"인수\s*분해", form("factor")),
    (r"(?P<name>[fgh])\((?P<v>[a-z])\)\s*=\s*(?P<e>.+?)\s*(?:일 때|이면|이라면|라면|라 할 때|이라 할 때|라고 할 때|이라고 할 때),?\s*(?P<again>[fgh])\((?P<point>.+?)\)(?:의 값)?", forms.applied),
    (r"(?P<given>[a-z]\s*=\s*[^가-힣]+?)\s*(?:일 때의?|이면|라면|이라면),?\s*(?P<e>[^=]+?)", forms.substituted),
    (r"(?P<r>[^가-힣]*[=<>≤≥][^가-힣]*?)\s*(?:일 때|이면|라면|이라면),?\s*(?P<t>[^가-힣]+?)" + r"(?:의 값)?(?:[은는을를])?", forms.solved),
    (r"(?:연립\s*)?(?:일차|이차|삼차)?\s*(?:방정식|부등식)?\s*(?P<r>.+?)\s*(?:의|을 만족하는|를 만족하는)?\s*(?:모든 )?(?:두 )?(?:실)?(?:근|해)(?:의|들의)\s*(?P<pick>합|곱|개수)", forms.solved),
    (r"(?:연립\s*)?(?:일차|이차|삼차)?\s*(?:방정식|부등식)?\s*(?P<r>.+?)\s*(?:의|에서)\s*(?:모든\s*)?(?P<real>실)?(?:근|해|해집합)(?:을|를)?(?:\s*모두)?", forms.solved),
    (r"(?P<r>.+?)\s*(?:을|를|식을)\s*만족(?:하는|시키는)\s*(?:모든 )?(?:실수 )?(?P<v>[a-z])(?:의)?(?: 값)?", forms.solved),
    (r"(?:연립\s*)?(?:일차|이차|삼차)?\s*(?:방정식|부등식)\s*[:,]?\s*(?P<r>.+?)" + _OBJ + _SOLVE + "?", forms.solved),
    (r"(?P<r>.+?)\s*(?:인|이라는|라는|의)?\s*(?:연립\s*)?(?:일차|이차|삼차)?\s*(?:방정식|부등식)?" + _OBJ + _SOLVE, forms.solved),
    (r"(?P<r>.+?)\s*(?:에서|일 때),?\s*(?P<v>[a-z])(?:의 값)?" + r"(?:[은는을를])?", forms.solved),
    (r"(?:서로 다른 )?(?P<n>\d+)개\s*(?:중|중에서|에서)\s*(?P<k>\d+)개를\s*(?:뽑는|고르는|선택하는)\s*(?:경우의 수|방법의 수|조합의 수)", forms.chosen),
    (r"(?P<e>\d+)\s*(?:팩토리얼|계승)", lambda parts: forms.value({"e": f"{parts['e']}!"})),
)  # fmt: skip
"""Pairs of a wording and what makes a question of its parts, as in `english`."""
