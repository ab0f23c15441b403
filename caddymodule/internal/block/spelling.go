package block

// nearest returns the known word that is closest to a misspelled name, if one is close enough.
func nearest(name string, known []string) (word string, ok bool) {
	// With more than a third of its letters wrong, the name is another word.
	limit := max(1, len(name)/3)
	for _, candidate := range known {
		if distance := editDistance(name, candidate); distance <= limit {
			word, ok, limit = candidate, true, distance-1
		}
	}
	return word, ok
}

// editDistance counts the bytes to insert, delete or replace between two words (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
