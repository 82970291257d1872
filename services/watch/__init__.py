"""The watch service: data index, statistics and alerts from the events of a venue."""
