"""The vector of RFC 7677, section 3, as Postgres stores it."""

import base64
import hashlib
import hmac

from fp_devstack.scram import verifier

SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
SAID = (
    b"n=user,r=rOprNGfwEbeRWgbNEkqO,"
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
)


def test_a_server_with_the_verifier_knows_the_client_and_is_known_by_it():
    found = verifier("pencil", 4096, SALT)

    head, keys = found.rsplit("$", 1)
    stored_key, server_key = map(base64.b64decode, keys.split(":"))
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    client_key = bytes(a ^ b for a, b in zip(proof, hmac.digest(stored_key, SAID, "sha256"), strict=True))
    assert head == "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=="
    assert hashlib.sha256(client_key).digest() == stored_key
    assert base64.b64encode(hmac.digest(server_key, SAID, "sha256")) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_each_has_a_salt_of_its_own():
    assert verifier("pencil", 1) != verifier("pencil", 1)
