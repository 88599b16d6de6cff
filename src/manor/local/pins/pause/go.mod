module manor.dev/pins/pause

go 1.26.0
