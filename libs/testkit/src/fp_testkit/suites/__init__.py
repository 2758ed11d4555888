"""Contract suites: what a port promises, as tests that every adapter of it passes.

A suite is a class; a test module subclasses it and gives the adapter as a fixture:

    class TestMemoryBus(BusSuite):
        @pytest.fixture
        def bus(self) -> MemoryBus:
            return MemoryBus()
"""
