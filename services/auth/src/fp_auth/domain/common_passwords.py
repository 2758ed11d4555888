"""Words that lead the public lists of leaked passwords.

A password of twelve characters is common when it is built from these alone: `Password2024!!`, `qwertyqwerty`,
`letmein_letmein`. The lists themselves hold few entries of twelve characters; they hold these, lengthened.
"""

_WORDS = """
abc abcd abcde abcdef access account admin administrator alexander amanda america andrew angel angels
apple arsenal asdf asdfg asdfgh asdfghjkl ashley august austin autumn baby babygirl bailey banana barcelona baseball
basketball batman bitch blink buster butterfly changeit changeme charlie cheese chelsea chocolate company
computer cookie corvette cowboy cowboys daniel december default demo diamond dragon eagles elizabeth email
england family february flower football forever forgepoint freedom friday friends fuckyou gandalf george ginger
guest hannah happy harley hello hockey hunter iloveu iloveyou internet jackson january jasmine jennifer jessica
jesus jordan joshua july june killer letmein liverpool london login lovely loveme lovers maggie
manager march marina martin master matrix matthew maverick mercedes merlin michael michelle mickey monday
money monkey motherfucker
mustang mypassword myspace naruto nicole ninja nothing november october office oliver orange
pass passwd password patrick pepper phoenix photoshop please pokemon porsche princess private
purple qazwsx qazwsxedc qwer qwert qwerty qwertyui qwertyuiop ranger rangers robert root samantha samsung
saturday secret secure security september service shadow silver slipknot snoopy soccer sophie spiderman
spring starwars steelers summer sunday sunshine superman superuser supervisor support sweet system taylor
temp temporary test tester testing thomas thunder thursday tigger tomcat trustme trustno tuesday
unbelievable unknown user username victoria wednesday welcome whatever
william winter wizard yankees yellow zxcv zxcvb
zxcvbn zxcvbnm
"""
WORDS = frozenset(_WORDS.split())

_EXACT = """
123qweasdzxc 1234qwerasdf 1234qwerasdfzxcv 12qwaszx34er 12qw34er56ty 1q2w3e4r5t6y 1q2w3e4r5t6y7u 1q2w3e4r5t6y7u8i
a1b2c3d4e5f6 abc123abc123 asdf1234qwer ncc1701d1701 q1w2e3r4t5y6 q1w2e3r4t5y6u7i8 qazwsx123456 qweasd123456
qweasdzxc123 qwer1234asdf thx1138thx11 zaq12wsxcde3 zaq1xsw2cde3 zxcvbnm12345 zxcasdqwe123
"""
EXACT = frozenset(_EXACT.split())
"""Walks over the keyboard that no rule finds."""
