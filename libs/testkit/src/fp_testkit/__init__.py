"""The common support of tests; a pytest plugin.

What it promises:

- Real stores, started once a session and at the first need (`fp_devstack.Stack`, or containers with
  `FP_TEST_INFRA=containers`); each test gets its own clean part of each, whatever order the tests run in.
- Time as a value (`ManualClock`), identities with real signatures (`TestIdentity`), a real server in the same process.
- Death at every step: `kill_at` runs a scenario in a child that kills itself at the k-th awaited call, for each k.
- Spans read back from an exporter (`SpanCollector`).
- Contract suites (`fp_testkit.suites`) that the in-memory and the real adapter both pass.
- Nothing is left behind: no process, no file outside pytest's own temporary folder.

Importing the plugin costs nothing and starts nothing. The fixtures are listed in `fp_testkit.plugin`.
"""
