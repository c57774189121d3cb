"""Who is who: keys, pseudonyms, links of responses to rosters and from wave to wave."""
