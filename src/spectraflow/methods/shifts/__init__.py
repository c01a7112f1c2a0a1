"""Chemical shifts predicted from structures, and what they alone can do: assign, recognise, retrieve."""
