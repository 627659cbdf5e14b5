from spark_images.running import notebook


def test_the_url_shows_the_port_of_this_machine() -> None:
    said = ["notebook: open http://127.0.0.1:8888/lab?token=abc\n", "http://127.0.0.1:8888/lab?token=...\n"]
    assert list(notebook.shown(iter(said), 9999)) == ["notebook: open http://127.0.0.1:9999/lab?token=abc\n", said[1]]
