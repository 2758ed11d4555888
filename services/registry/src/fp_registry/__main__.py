"""`python -m fp_registry` serves; `python -m fp_registry rebuild` fills the projection anew."""

import sys

if sys.argv[1:] == ["rebuild"]:
    from fp_registry.rebuild_command import main as rebuild

    sys.exit(rebuild())
elif sys.argv[1:]:
    sys.exit("usage: python -m fp_registry [rebuild]")
else:
    from fp_registry.main import main

    main()
