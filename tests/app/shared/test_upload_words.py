"""An uploader's own words are told where the page is not in English."""

from streamlit.testing.v1 import AppTest


def shown(language: str) -> list[str]:
    def script():
        from pages.shared.upload_words import upload_words

        upload_words("taken", 100, ["JSON", "safetensors"])

    at = AppTest.from_function(script, default_timeout=20)
    at.session_state["language"] = language
    assert not at.run().exception
    return [element.proto.body for element in at.get("html")]


def test_english_is_left_to_streamlit_but_for_the_files_that_are_taken():
    (style,) = shown("en")
    assert '"100\xa0MB per file • JSON, safetensors"' in style
    assert "button" not in style


def test_another_language_takes_the_place_of_what_streamlit_says():
    (style,) = shown("zh")
    assert ".st-key-taken [data-testid=stFileUploaderDropzone] button p::after" in style
    assert "100\xa0MB" in style
    assert "JSON" in style
    assert not {"KEY", "PLACE", "WORDS"} & set(style.replace(":", " ").split())
