"""The daemon behind `fp up`: stores, services, runtimes and jobs of one folder.

Promises:
- One supervisor a folder. Whatever it started ends with it, also when it is killed by SIGKILL.
- A service that dies is started again, with back-off; so is a store, and the zygote.
- Runtimes stay on their ports and come back after `fp down; fp up`; jobs run once, and the last thousand of
  them are known.
- Services may start in any order: each waits for its own stores and peers.
"""
