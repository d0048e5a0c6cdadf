"""MongoDB's SCRAM: PyMongo and a server of our own, which verifies the proofs."""

from __future__ import annotations

from .scene import HOST, Scene, expect

NEEDED = ()
PACKAGES = ("pymongo==4.20.1",)
DECODED_AS = "tcp.port==27017,mongo"
SHOWN = (
    "mongo.opcode == 2013",
    'tcp.payload contains "saslContinue"',
    'tcp.payload contains "speculativeAuthenticate"',
    'tcp.payload contains "AuthenticationFailed"',
)


def record(scene: Scene) -> None:
    """Logs in, rightly and wrongly."""
    scene.serve_module("mongo_server", 27017)
    with scene.recording():
        log_in(scene, "ana", "tulip-77", "admin", "SCRAM-SHA-256")
        log_in(scene, "ana", "wrong-1", "admin", "SCRAM-SHA-256")
        log_in(scene, "nobody", "tulip-77", "admin", "SCRAM-SHA-256")
        log_in(scene, "a,b=c", "lily-99", "garden", "SCRAM-SHA-256")
        log_in(scene, "ben", "daisy-88", "admin", "SCRAM-SHA-1")
        log_in(scene, "ben", "wrong-2", "admin", "SCRAM-SHA-1")
        log_in(scene, "ben", "daisy-88", "garden", None)


def log_in(scene: Scene, user: str, password: str, source: str, mechanism: str | None) -> None:
    """A client that asks who it is. It has connections that only watch the server, too."""

    def client() -> tuple:
        import pymongo

        options = {"authMechanism": mechanism} if mechanism is not None else {}
        made = pymongo.MongoClient(
            HOST,
            username=user,
            password=password,
            authSource=source,
            serverSelectionTimeoutMS=20_000,
            **options,
        )
        try:
            answer = made.admin.command("connectionStatus")
        except pymongo.errors.OperationFailure as error:
            return None, error.code, error.details["errmsg"]
        finally:
            made.close()
        return answer["authInfo"]["authenticatedUsers"], None, None

    users, code, message = scene.call(client)
    values = {"user": user, "mechanism": (mechanism or "SCRAM-SHA-256").lower(), "database": source}
    values |= {"secret_kind": "proof", "attempt": 1, "dst_port": 27017}
    if code is None:
        expect(users, [{"user": user, "db": source}], "who is logged in")
        scene.truth.login("mongodb", "success", **values)
    else:
        scene.truth.login("mongodb", "failure", code=str(code), message=message, **values)
