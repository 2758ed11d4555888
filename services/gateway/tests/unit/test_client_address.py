from fp_gateway.client_address import ClientAddressHeaders


class Credential:
    def __init__(self, present: str) -> None:
        self.present = present


def test_the_address_goes_with_the_proof_and_without_one_alone():
    assert ClientAddressHeaders(Credential("t")).headers("10.1.2.3") == [
        ("fp-client-address", "10.1.2.3"),
        ("fp-forwarded-by", "t"),
    ]
    assert ClientAddressHeaders(Credential("")).headers("10.1.2.3") == [("fp-client-address", "10.1.2.3")]
    assert ClientAddressHeaders(Credential("t")).headers("") == []
